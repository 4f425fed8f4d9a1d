"""Bugs in Lua: what claims, renewals, memos and commits are judged by."""

# ruff: noqa: SLF001 - scripts are their modules' own
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.agents import claim, hold, memo
from argosy.coordinator import chain
from bugs.bug import Bug
from bugs.planting import Edit

CLAIM: Final = [claim._CLAIM]
_HOLD, _MEMO = [hold.HOLD], [memo._MEMO]
_HELD: Final = [*_HOLD, *_MEMO]
_JUDGED: Final = [*CLAIM, *_HELD]
_COMMIT: Final = [chain._COMMIT]
_OVER: Final = "if known[1] ~= 'active' or not known[2] then return 'over' end"

SCRIPT_BUGS: Final = (
    Bug(
        "absence_grants",
        "what Redis doesn't know may run",
        (
            Edit(_JUDGED, "if not stored or not is_live() then return 'not_yet' end", ""),
            Edit(_JUDGED, _OVER, f"if not known[1] then return nil end {_OVER}"),
        ),
    ),
    Bug(
        "live_without_identity",
        "the live mark of another server counts",
        (Edit(_JUDGED, "live_here = live and live == identity()", "live_here = live and true"),),
    ),
    Bug(
        "live_run_id_only",
        "a server is known by its `run_id` alone, which returns after a failover and back",
        (Edit([*_JUDGED, *_COMMIT, chain._TAKE], "return run .. ':' .. replication", "return run"),),
    ),
    Bug(
        "unknown_is_not_yet",
        "the order of a run that is long gone is asked for again and again",
        (Edit(_JUDGED, _OVER, f"if not known[1] then return 'not_yet' end {_OVER}"),),
    ),
    Bug(
        "judge_is_blind",
        "a claim is granted whatever became of the run",
        (
            Edit(CLAIM, _OVER, "if not known[2] then return nil end"),
            Edit(CLAIM, "if not letter or string.find('kfsxe', letter, 1, true) then return 'over' end", ""),
            Edit(CLAIM, "if letter ~= 'r' or current ~= attempt then return 'old' end", ""),
        ),
    ),
    Bug(
        "epoch_ignored",
        "a worker goes on believing in the state that a rebuild has dropped",
        (Edit(_JUDGED, "if stored and stored ~= epoch then return 'epoch', stored end", ""),),
    ),
    Bug(
        "stale_fence",
        "another's fence is as good as mine",
        (Edit(_HELD, "return holder == fence and 'mine' or 'loss'", "return 'mine'"),),
    ),
    Bug(
        "put_back_unjudged",
        "a claim that Redis lost is put back without a look at the run",
        (Edit(_HELD, "if verdict == 'over' or verdict == 'old' then", "if false then"),),
    ),
    Bug(
        "put_back_for_long",
        "a claim that was put back while the lane is not live lives as long as any",
        (Edit(_HELD, "if is_live() then redis.call('PEXPIREAT'", "if true then redis.call('PEXPIREAT'"),),
    ),
    Bug(
        "lost_lease_uncounted",
        "a delivery whose lease ran out is not counted",
        (Edit(CLAIM, "deliveries = deliveries + 1", "deliveries = deliveries + 0"),),
    ),
    Bug(
        "result_not_stored",
        "a result is published without having been stored",
        (Edit(_HOLD, "if result ~= '' then redis.call('HSET', task, 'result', result) end", ""),),
    ),
    Bug(
        "memo_while_not_live",
        "a memo that is absent while the lane is not live counts as not made",
        (Edit(_MEMO, "if looks and not is_live() then return { 'not_yet' } end", ""),),
    ),
    Bug(
        "memo_overwrites",
        "who sets a memo second overwrites the first one's value",
        (Edit(_MEMO, "redis.call('HSETNX', task", "redis.call('HSET', task"),),
    ),
    Bug(
        "logged_memo_overwrites",
        "the last record of a logged memo wins, not the first",
        (Edit(_COMMIT, "if not redis.call('HGET', key, 'mo:' .. name) then", "if true then"),),
    ),
    Bug(
        "no_chain",
        "a commit is applied whatever was committed before",
        (Edit(_COMMIT, "if last ~= before then", "if false then"),),
    ),
    Bug(
        "done_is_refused",
        "a commit that is repeated is not known again",
        (Edit(_COMMIT, "if last == own then", "if false then"),),
    ),
    Bug(
        "mark_for_any_server",
        "a lane is marked live on a server that isn't the one it was taken from",
        (
            Edit(_COMMIT, "if mark ~= '' and mark ~= '-' and mark ~= server then", "if false then"),
            Edit(chain.Chain.commit, "or identity.decode() != self.identity", ""),
        ),
    ),
)
