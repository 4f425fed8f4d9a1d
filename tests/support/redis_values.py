"""Random Lua values: what a script can say, and how it is told to whoever called it.

Left out, for no script of ours does it: errors inside of a returned table, metatables, `redis.setresp`, `cjson`.
"""

from typing import Final

from hypothesis import strategies as st

_NUMBERS: Final = st.sampled_from(
    [
        "0",
        "-0",
        "1",
        "-1",
        "2.9",
        "-2.9",
        "0.1",
        "1e15",
        "1e17",
        "1e300",
        "-1e300",
        "2^53",
        "2^63",
        "-2^63",
        "1/0",
        "-1/0",
        "0/0",
        "1795655320892",
        "3.0",
        "1e-7",
        "1e-5",
        "1e-4",
        "123456.789",
        "2^31",
        "1e14 + 0.5",
        "1e21",
    ]
) | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"({number!r})")
_TEXTS: Final = st.sampled_from(
    ["''", "'x'", "'10'", "'1e3'", "'0x10'", "' 7 '", "'\\255\\0'", "'nan'", "'a b'"]
)
_CALLS: Final = st.one_of(
    # numbers as arguments of commands: how they are printed decides what is stored
    st.builds("redis.pcall('SET', KEYS[1], {})".format, _NUMBERS),
    st.builds("redis.pcall('HSET', KEYS[1], 'f', {})".format, _NUMBERS),
    st.builds("redis.pcall('ZADD', KEYS[2], {}, 'm')".format, _NUMBERS),
    st.builds("redis.pcall('PEXPIREAT', KEYS[2], {})".format, _NUMBERS),
    st.sampled_from(
        [
            "redis.pcall('GET', {})",
            "redis.pcall('GET', true)",
            "redis.pcall('GET')",
            "redis.pcall('NOSUCH')",
            "redis.pcall('GET', KEYS[1])",
            "redis.pcall('HGETALL', KEYS[1])",
            "redis.pcall('TYPE', KEYS[1])",
        ]
    ),
)
_PLAIN: Final = st.one_of(
    _NUMBERS,
    _TEXTS,
    st.sampled_from(["true", "false", "nil", "{}", "{ok = 'FINE'}", "KEYS", "#KEYS", "string.rep('x', 3)"]),
    st.builds("tostring({})".format, _NUMBERS),
    st.builds("tonumber({})".format, _TEXTS),
    st.builds("(({}) .. '')".format, _NUMBERS),
    st.builds("string.format('%d|%s|%.14g', {0}, {0}, {0})".format, st.integers(-(2**31), 2**31)),
    st.builds("math.floor({})".format, _NUMBERS),
    st.builds("redis.sha1hex({})".format, _TEXTS),
    st.builds("redis.status_reply({})".format, st.sampled_from(["''", "'x'", "'10'", "'a b'"])),
    st.builds("type({})".format, _CALLS),
    st.sampled_from(["os.clock() > 0", "unpack({1, 2})", "select('#', unpack(KEYS))"]),
)
_ERRORS: Final = st.one_of(
    st.builds("redis.error_reply({})".format, _TEXTS),
    st.builds("redis.call('SET', KEYS[1], {})".format, _NUMBERS),
    _CALLS,
    st.sampled_from(
        [
            "redis.call('GET', KEYS[1])",
            "redis.call('HGETALL', KEYS[1])",
            "redis.call('NOSUCH')",
            "redis.call()",
            "error('words')",
            "error({err = 'MY word'})",
            "{err = 'MY word'}",
            "error()",
            "error(7)",
            "nowhere",
            "redis.pcall()",
            "string.upper()",
            "error({})",
            "nil .. 'x'",
            "KEYS.x.y",
        ]
    ),
)
_EXPRESSIONS: Final = _ERRORS | st.recursive(
    _PLAIN,
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(lambda parts: "{" + ", ".join(parts) + "}"),
    max_leaves=6,
)
VALUES: Final = st.builds("return {}".format, _EXPRESSIONS) | st.builds(
    "redis.call('SET', KEYS[1], 'before') local x = {} redis.call('SET', KEYS[1], 'after') return x".format,
    _EXPRESSIONS,
)
"""Whole scripts."""
