import os
import socket
from pathlib import Path

import pytest

from argosy.console.kafka_cluster import server_properties
from argosy.console.ports import LOOPBACK
from argosy.console.process import ProcessId
from argosy.console.stack import choose_layout
from argosy.console.stack_state import Layout, StackState, read_state, reap_left_over, write_state
from argosy.schemas.errors import ConfigurationError


def state(layout: Layout, supervisor: ProcessId | None) -> StackState:
    return StackState(
        layout=layout,
        bootstrap_servers=layout.cluster.bootstrap_servers,
        redis_url="redis://127.0.0.1:1/0",
        supervisor=supervisor,
    )


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = state(choose_layout(1, None), ProcessId.of(os.getpid()))
    write_state(tmp_path, written)
    assert read_state(tmp_path) == written
    assert written.is_running()


def test_an_absent_state_is_none_and_a_broken_one_an_error_with_the_cure(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    (tmp_path / "stack.json").write_text('{"version": 1, "lay')
    with pytest.raises(ConfigurationError, match="start afresh"):
        read_state(tmp_path)


def test_nothing_is_reaped_while_the_supervisor_lives(tmp_path: Path) -> None:
    this = ProcessId.of(os.getpid())
    write_state(tmp_path, state(choose_layout(1, None), this))
    assert reap_left_over(tmp_path) == []


def test_an_instance_keeps_its_ids_and_its_ports_while_they_are_free() -> None:
    first = choose_layout(3, None)
    assert choose_layout(1, first) == first


def test_a_port_that_somebody_took_meanwhile_is_replaced() -> None:
    first = choose_layout(1, None)
    (broker,) = first.cluster.brokers
    with socket.create_server((LOOPBACK, broker.port)):
        again = choose_layout(1, first)
    assert again.cluster.brokers[0].port != broker.port
    assert again.cluster.brokers[0].directory_id == broker.directory_id
    assert again.redis_port == first.redis_port


def test_a_quorum_of_several_does_not_move() -> None:
    first = choose_layout(3, None)
    port = first.cluster.brokers[1].controller_port
    with (
        socket.create_server((LOOPBACK, port)),
        pytest.raises(ConfigurationError, match=f"port {port} is taken"),
    ):
        choose_layout(3, first)


def test_one_broker_keeps_one_copy_and_three_keep_three(tmp_path: Path) -> None:
    for brokers, copies, in_sync in ((1, "1", "1"), (3, "3", "2")):
        cluster = choose_layout(brokers, None).cluster
        properties = server_properties(cluster.brokers[0], cluster, tmp_path)
        assert properties["offsets.topic.replication.factor"] == copies
        assert properties["default.replication.factor"] == copies
        assert properties["min.insync.replicas"] == in_sync
        assert len(properties["controller.quorum.bootstrap.servers"].split(",")) == brokers
