"""Random calls of our own scripts, on few keys, so that they meet."""

from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from argosy.broker.keys import LaneKeys
from argosy.broker.script import Arg, Script
from argosy.schemas.ids import TaskId
from support.redis_pair import FAR_MS, IDENTITY

ROOT = Path(__file__).parents[2]
CLAIM, HOLD, MEMO, HAND_BACK = (
    Script(str(ROOT / "agents" / "here.py"), name) for name in ("claim", "hold", "memo", "hand_back")
)
TAKE, COMMIT = (Script(str(ROOT / "coordinator" / "here.py"), name) for name in ("take", "commit"))

KEYS = LaneKeys("argosy", 0)
EPOCH = "1"


@dataclass(frozen=True)
class Call:
    script: Script
    keys: tuple[str, ...]
    args: tuple[Arg, ...]

    def __repr__(self) -> str:
        return f"{self.script.name}{self.args}"


runs = st.sampled_from(["r1", "r2", "unknown"])
names = st.sampled_from(["a", "b"])
attempts = st.sampled_from(["1", "2"])
fences = st.sampled_from(["f1", "f2", "f3"])
spent = st.sampled_from(["", "", "30 4"])
epochs = st.sampled_from([EPOCH, EPOCH, EPOCH, "0"])
leases = st.sampled_from([60_000, -60_000])  # a lease that is over at once: what expires needs no waiting
letters = st.sampled_from(["w 1", "r 1", "r 2", "b 1 x", "k 1", "f 2"])
marks = st.sampled_from(["", "-", IDENTITY, IDENTITY, "another server"])
commit_ids = st.sampled_from(["c0", "c1", "c2"])


def run_of(run: str) -> str:
    return KEYS.run(EPOCH, run)


def task_of(run: str, name: str) -> str:
    return KEYS.task(TaskId(f"{run}/{name}"))


@st.composite
def claims(draw: st.DrawFn) -> Call:
    run, name = draw(runs), draw(names)
    keys = (KEYS.checkpoint, KEYS.live, run_of(run), task_of(run, name))
    suspects = draw(st.sampled_from([0, 1]))
    args = (draw(epochs), name, draw(attempts), draw(fences), suspects, draw(leases), 2, FAR_MS)
    return Call(CLAIM, keys, args)


@st.composite
def holds(draw: st.DrawFn) -> Call:
    keys, args = [KEYS.checkpoint, KEYS.live], list[Arg]([draw(epochs), 60_000])
    for _ in range(draw(st.integers(1, 3))):
        run, name = draw(runs), draw(names)
        keys += [run_of(run), task_of(run, name)]
        result = draw(st.sampled_from(["", "", "k{}"]))
        args += [name, draw(attempts), draw(fences), draw(leases), FAR_MS, result]
    return Call(HOLD, tuple(keys), tuple(args))


@st.composite
def memos(draw: st.DrawFn) -> Call:
    run, name = draw(runs), draw(names)
    keys = (KEYS.checkpoint, KEYS.live, run_of(run), task_of(run, name))
    what = draw(st.sampled_from(["look", "set1", "set2"]))
    memo = draw(st.sampled_from(["m", "n"]))
    return Call(MEMO, keys, (draw(epochs), name, draw(attempts), draw(fences), 60_000, FAR_MS, memo, what))


@st.composite
def hand_backs(draw: st.DrawFn) -> Call:
    tasks = draw(st.lists(st.tuples(runs, names, fences, spent), min_size=1, max_size=3))
    keys = tuple(task_of(run, name) for run, name, *_ in tasks)
    return Call(HAND_BACK, keys, tuple(arg for *_, fence, told in tasks for arg in (fence, told)))


@st.composite
def commits(draw: st.DrawFn) -> Call:
    run, other = draw(runs), draw(runs)
    keys = (
        KEYS.checkpoint,
        KEYS.live,
        run_of(run),
        task_of(other, "a"),
        KEYS.outbox(EPOCH),
        KEYS.out(EPOCH),
        KEYS.ready_agents(EPOCH),
    )
    operations: list[tuple[Arg, ...]] = [
        ("hset", 3, 4, "st", draw(st.sampled_from(["active", "active", "ended"])), "t:a", draw(letters)),
        ("hset", 3, 2, "t:b", draw(letters)),
        ("hdel", 3, 1, "t:b"),
        ("pexpire", 3, 1, 600_000),
        ("del", 4, 0),
        ("memo", 4, 4, "m", "logged", draw(st.sampled_from([5, 7])), 600_000),
        ("hset", 5, 2, "end:r1", draw(st.sampled_from(["4", "5"]))),
        ("unsend", 5, 2, "end:r1", "4"),
        ("zadd", 6, 4, 10, "r1/a#1", 20, "r1/b#1"),
        ("zrem", 6, 1, "r1/a#1"),
        ("sadd", 7, 2, "critic", "writer"),
    ]
    chosen = draw(st.lists(st.sampled_from(operations), max_size=6))
    checkpoint: tuple[str, ...] = draw(st.sampled_from([(), ("epoch", EPOCH), ("next", "12", "horizon", "")]))
    args: list[Arg] = [draw(commit_ids), draw(commit_ids), draw(marks), len(checkpoint), *checkpoint]
    args += [part for operation in chosen for part in operation]
    return Call(COMMIT, keys, tuple(args))


takes = commit_ids.map(lambda own: Call(TAKE, (KEYS.checkpoint, KEYS.live), (own,)))
CALLS = st.one_of(claims(), claims(), holds(), memos(), hand_backs(), commits(), takes)

BEGIN = (
    Call(TAKE, (KEYS.checkpoint, KEYS.live), ("c0",)),
    Call(
        COMMIT,
        (KEYS.checkpoint, KEYS.live, run_of("r1"), run_of("r2")),
        (
            *("c0", "c1", IDENTITY, 2, "epoch", EPOCH),
            *("hset", 3, 6, "st", "active", "t:a", "r 1", "t:b", "r 1"),
            *("hset", 4, 6, "st", "active", "t:a", "r 2", "t:b", "w 1"),
        ),
    ),
)
