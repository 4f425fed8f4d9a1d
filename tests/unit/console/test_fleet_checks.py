from argosy.broker.presence import Presence, Present
from argosy.broker.topics import TopicNames
from argosy.console.check import Verdict
from argosy.console.fleet_checks import clock, dead_letters, same_version, served
from argosy.console.health import Role, serves
from argosy.console.service_checks import hidden_by_acl, kafka_cure
from argosy.schemas.errors import Refused, Unreachable
from argosy.schemas.settings import KafkaSettings

NAMES = TopicNames("p")


def process(name: str, version: str = "1", **more: object) -> Presence:
    return Presence.model_validate(
        {"role": "coordinator", "name": name, "version": version, "started_ms": 0, "at_ms": 0, **more}
    )


def test_a_clock_is_judged_by_what_it_is_off_beyond_the_time_that_asking_took() -> None:
    assert clock("c", 1_000, 900, 1_100, 300).verdict is Verdict.OK
    behind = clock("c", 1_000, 11_000, 11_100, 300)
    assert (behind.verdict, behind.found) == (Verdict.WARNING, "is 10 s behind ours")
    ahead = clock("c", 411_000, 900, 1_000, 300)
    assert (ahead.verdict, ahead.found) == (Verdict.PROBLEM, "is 6 min 50 s ahead of ours")
    assert "NTP" in ahead.do


def test_a_published_agent_without_a_worker_is_named_with_its_command() -> None:
    checks = served(NAMES, ["critic", "research"], {"p.lanes": 1, "p.agent.critic": 2})
    assert [(check.verdict, check.do) for check in checks] == [
        (Verdict.WARNING, "argosy worker APP:research")
    ]
    assert served(NAMES, ["critic"], {"p.lanes": 1, "p.agent.critic": 2})[0].verdict is Verdict.OK
    assert served(NAMES, ["critic"], {"p.agent.critic": 2})[0].name == "coordinator"
    assert served(NAMES, [], {}) == []


def test_dead_letters_are_a_warning_with_the_command_that_lists_them() -> None:
    assert dead_letters(0) == []
    (check,) = dead_letters(2)
    assert (check.verdict, check.do) == (Verdict.WARNING, "argosy dead list")
    assert "2 dead letters" in check.found


def test_versions_that_differ_are_told_with_who_runs_them() -> None:
    (check,) = same_version(Present(0, (process("a"), process("b", "2"))), "1")
    assert check.verdict is Verdict.WARNING
    assert "2: coordinator b" in check.found
    (check,) = same_version(Present(0, (process("a"),)), "1")
    assert check.verdict is Verdict.OK
    assert same_version(Present(0, ()), "1") == []


def test_a_refusal_is_cured_by_a_right_and_silence_by_an_address() -> None:
    kafka = KafkaSettings(security_protocol="SASL_SSL", sasl_username="ada")
    assert "User:ada" in kafka_cure(kafka, Refused("not authorised"))
    assert "address" in kafka_cure(kafka, Unreachable("no answer"))
    assert "Describe" in hidden_by_acl(kafka)
    assert hidden_by_acl(KafkaSettings()) == ""


def test_a_process_serves_here_if_it_is_of_this_host_and_its_lanes_are_live() -> None:
    live = process("h-1", lanes={0: {"word": "live"}})
    slow = process("h-2", lanes={3: {"word": "reloading"}})
    assert serves(Present(0, (live,)), Role.COORDINATOR, "h") == ""
    assert serves(Present(0, (live, slow)), Role.COORDINATOR, "h") == "lanes 3 are not live yet"
    assert "no worker of h" in serves(Present(0, (live,)), Role.WORKER, "h")
    assert "no coordinator of x" in serves(Present(0, (live,)), Role.COORDINATOR, "x")
