"""What a failure of the server means: `Unreachable` (no answer) or `Refused` (an answer, and it is no)."""

from typing import Final
from urllib.parse import urlsplit

from redis import exceptions as said

from argosy.schemas.errors import Refused, Unreachable

ACL_RULES: Final = "+@read +@write +@scripting +@connection -@dangerous +info +time"
"""What an ACL user of argosy must be allowed, beside its keys (`~<key prefix>:*`)."""

_CURES: Final = {
    "OOM": (
        "the server is at its memory limit",
        "raise `maxmemory`, or find what fills it; its policy must stay `noeviction`",
    ),
    "READONLY": ("it is a replica, or was made one by a failover", "point the URL at the primary"),
    "NOAUTH": ("it wants a password", "put user and password in the URL: rediss://user:password@host:port/0"),
    "WRONGPASS": (
        "user or password is wrong, or the user is switched off",
        "check the credentials in the URL",
    ),
    "NOPERM": (
        "the ACL user may not do this",
        f"ACL SETUSER <user> ~<key prefix>:* {ACL_RULES}",
    ),
    "MISCONF": (
        "it can't write to its disk and so takes no writes",
        "look at the server's log; free its disk",
    ),
    "NOREPLICAS": ("too few replicas are connected", "bring them back, or lower `min-replicas-to-write`"),
    "MOVED": (
        "this is a node of a cluster that doesn't hold the lane's slot",
        "point the URL at a server that isn't a cluster",
    ),
    "CROSSSLOT": ("keys of one script lie in different slots", "this is a defect of argosy: report it"),
    "WRONGTYPE": ("a key holds another type than argosy put there", "give argosy a `key_prefix` of its own"),
}
_WITHOUT_CODE: Final = {"max number of clients reached": "MAXCLIENTS", "ACL failure in script": "NOPERM"}
"""Replies to which the server itself gives no code, or a general one."""
_PASSING: Final = {
    "MAXCLIENTS": "it has as many clients as its `maxclients` allows",
    "LOADING": "it is reading its data from disk",
    "BUSY": "a script holds it",
    "MASTERDOWN": "its primary is away",
    "TRYAGAIN": "a slot is moving",
    "CLUSTERDOWN": "the cluster is down",
}
"""It answered, and will soon answer better: nothing took effect."""


def where(url: str) -> str:
    """Name the server for messages: host, port and database, never a password."""
    parts = urlsplit(url)
    _, _, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{host}{parts.path}"


def code_of(error: Exception) -> str:
    """Return the code that an error reply began with, as `OOM`; empty if it had none or is no reply."""
    for words, code in _WITHOUT_CODE.items():
        if words in str(error):
            return code
    status = getattr(error, "status_code", None)
    if isinstance(status, str):
        return status
    first, _, _ = str(error).partition(" ")
    return first if isinstance(error, said.ResponseError) and first.isupper() else ""


def is_reply(error: Exception) -> bool:
    """Say whether the server said this: then the connection is sound, the next reply is the next call's."""
    return isinstance(error, said.ResponseError) or bool(getattr(error, "status_code", None))


def is_passing(error: Exception) -> bool:
    """Say whether the server answered that it will soon answer better."""
    return code_of(error) in _PASSING


def meaning(error: Exception, server: str, doing: str) -> Refused | Unreachable:
    """Translate an error reply or a lost connection into ours; the text says what, why and what to do."""
    code = code_of(error)
    if code in _PASSING:
        return Unreachable(
            f"Redis at {server} can't answer yet ({doing})\n  why: {_PASSING[code]}\n  do:  wait"
        )
    if not is_reply(error):
        return Unreachable(
            f"Redis at {server} doesn't answer ({doing})\n  why: {str(error) or type(error).__name__}\n"
            "  do:  check that it runs and that ARGOSY_REDIS__URL (or REDIS_URL) is right"
        )
    why, cure = _CURES.get(code, ("", ""))
    lines = [
        f"Redis at {server} refuses ({doing}): {code} {error}"
        if code and not str(error).startswith(code)
        else f"Redis at {server} refuses ({doing}): {error}"
    ]
    if why:
        lines += [f"  why: {why}", f"  do:  {cure}"]
    return Refused("\n".join(lines))
