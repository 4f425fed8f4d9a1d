"""The report of a chaos run as text."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Final

from argosy.console.chaos_arena import OWN_APP
from argosy.testing.chaos_report import Report, StrikeReport, Verdict

MAY_FAIL: Final = "do: look why these runs failed; where the app is expected to fail some: --may-fail"
_WORDS: Final[Mapping[Verdict, str]] = {
    "held": "every promise held",
    "broken": "a promise was BROKEN",
    "incomplete": "every promise held, but not all faults were carried out: less was shown than was planned",
    "empty": "nothing was shown: no load, or no fault",
    "slow": "can't be judged: runs were still going on, task by task, when the time to come to rest was up",
}


def in_words(report: Report) -> str:
    """Tell it all, the verdict last."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    load = report.load
    yield f"chaos of {', '.join(report.pipelines)} in {report.app}, seed {report.seed}, {report.seconds:.0f} s"
    yield f"  {report.processes} processes, Kafka and Redis beside them; {report.machine}"
    yield (
        f"  {load.acknowledged} runs acknowledged, {load.ended} ended ("
        + ", ".join(f"{many} {outcome}" for outcome, many in sorted(load.outcomes.items()))
        + f"); {load.tasks} tasks succeeded in {load.deliveries} deliveries"
    )
    yield "  absorbed: " + ", ".join(
        f"{many} {name.replace('_', ' ')}" for name, many in load.duplicates.items()
    )
    if load.restarts:
        yield "  started again: " + ", ".join(
            f"{name} {many} times" for name, many in sorted(load.restarts.items())
        )
    yield ""
    yield f"faults: {len(report.strikes)}"
    for row in by_kind(report):
        yield f"  {row[0]:<4} {row[1]:<20} {row[2]:>3} times   {row[3]}"
    yield ""
    yield "promises"
    for one in report.invariants:
        good, bad, how = ("held", "BROKEN", "broken") if one.of_fleet else ("yes", "NOT ALL", "not so")
        mark = bad if one.broken else good if one.checked else "not seen"
        yield f"  {mark:<8} {one.name}: looked at {one.checked} times" + (
            f", {how} {one.broken} times" if one.broken else ""
        )
        for text in one.told:
            yield f"           - {text}"
        if one.untold:
            yield f"           … and {one.untold} more"
    yield ""
    if report.interrupted:
        yield f"interrupted after {report.seconds:.0f} s; this is what there was by then"
    if some_failed(report):
        yield f"  {MAY_FAIL}"
    if report.verdict == "slow":
        yield f"  {report.unended} runs were under way; what ended, ended as it should"
        yield (
            "  do: lower --in-flight or --rate, raise --quiet-seconds,"
            " or point OPENAI_BASE_URL at a quick stand-in for the model"
        )
    yield f"verdict: {_WORDS[report.verdict]}"


def some_failed(report: Report) -> bool:
    """Say whether runs failed that should not have, of an app that may be made to fail some."""
    told = (text for one in report.invariants if one.broken for text in one.told)
    return report.app != OWN_APP and any(" ended failed/" in text for text in told)


def by_kind(report: Report) -> list[tuple[str, str, int, str]]:
    """Group the faults: code, kind, how many, and how fast throughput was back."""
    kinds: defaultdict[tuple[str, str], list[StrikeReport]] = defaultdict(list)
    for strike in report.strikes:
        kinds[strike.code, strike.kind].append(strike)
    order = sorted(kinds, key=lambda kind: (int(kind[0][1:]), kind[1]))
    return [
        (code, kind, len(kinds[code, kind]), _recovered(report, kinds[code, kind])) for code, kind in order
    ]


def _recovered(report: Report, strikes: list[StrikeReport]) -> str:
    if not report.baseline:
        return ""
    seconds = [strike.recovery_seconds for strike in strikes if strike.recovery_seconds is not None]
    late = len(strikes) - len(seconds)
    told = (
        f"back at 90 % after {median(seconds):.0f} s (median), {max(seconds):.0f} s at most"
        if seconds
        else ""
    )
    missed = f"{late} not before the next fault" if late else ""
    return "; ".join(part for part in (told, missed) if part)
