"""Names and plans of topics."""

from argosy.broker.topics import TopicNames, plan
from argosy.schemas.settings import FleetSettings, KafkaSettings, Settings

NAMES = TopicNames("argosy")
SETTINGS = Settings(kafka=KafkaSettings(replication=3), fleet=FleetSettings(lanes=17))


def test_an_agent_is_read_from_its_topic_and_from_no_other() -> None:
    assert NAMES.agent_of(NAMES.tasks("critic")) == "critic"
    assert NAMES.agent_of(NAMES.inbox) is None
    assert NAMES.agent_of("argosy.tasks.") is None
    assert NAMES.agent_of("other.tasks.critic") is None


def test_each_topic_is_planned_once_with_its_partitions() -> None:
    plans = {wanted.name: wanted.partitions for wanted in plan(SETTINGS, ["critic", "critic", "coder"])}
    assert plans == {
        "argosy.inbox": 4,
        "argosy.runs": 17,
        "argosy.results": 4,
        "argosy.events": 4,
        "argosy.pipelines": 1,
        "argosy.dead": 1,
        "argosy.tasks.coder": 8,
        "argosy.tasks.critic": 8,
    }


def test_every_append_is_timed_by_the_broker_and_stored_uncompressed() -> None:
    for wanted in plan(SETTINGS, ["critic"]):
        assert wanted.configs["message.timestamp.type"] == "LogAppendTime"
        assert wanted.configs["compression.type"] == "uncompressed"
        assert wanted.configs["retention.bytes"] == "-1"
        assert wanted.configs["min.insync.replicas"] == "2"
        assert int(wanted.configs["max.message.bytes"]) > SETTINGS.kafka.max_message_bytes


def test_the_run_log_outlives_two_longest_runs_with_their_windows() -> None:
    fleet = SETTINGS.fleet
    runs = next(wanted for wanted in plan(SETTINGS) if wanted.name == NAMES.runs)
    assert runs.exact
    assert runs.configs["cleanup.policy"] == "delete"
    assert int(runs.configs["retention.ms"]) >= 2000 * (fleet.longest_run_seconds + fleet.window_seconds)


def test_a_repeat_does_not_lie_in_the_inbox_for_longer_than_a_tombstone_lives() -> None:
    fleet = SETTINGS.fleet
    inbox = next(wanted for wanted in plan(SETTINGS) if wanted.name == NAMES.inbox)
    kept_ms = int(inbox.configs["retention.ms"])
    assert 1000 * fleet.longest_run_seconds <= kept_ms
    assert kept_ms < 1000 * (fleet.longest_run_seconds + fleet.window_seconds)


def test_published_pipelines_are_compacted() -> None:
    pipelines = next(wanted for wanted in plan(SETTINGS) if wanted.name == NAMES.pipelines)
    assert pipelines.configs["cleanup.policy"] == "compact"
    assert "retention.ms" not in pipelines.configs
