"""Submit a run and wait for its end, with confluent-kafka and nothing of argosy.

    pip install confluent-kafka
    KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 python confluent.py hello '"world"' hello-1

Prints the result as JSON. Exit code 1: the run did not succeed, or was refused.
"""

import json
import os
import sys
import uuid
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
PREFIX = os.environ.get("ARGOSY_KAFKA__TOPIC_PREFIX", "argosy")
WAIT_SECONDS = 120.0


def open_results() -> Consumer:
    """Stand at the end of all partitions, before the submit: then the answer can't be missed."""
    consumer = Consumer({"bootstrap.servers": SERVERS, "group.id": "unused", "enable.auto.commit": False})
    topic = f"{PREFIX}.results"
    numbers = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    partitions = [TopicPartition(topic, number) for number in numbers]
    for partition in partitions:
        _, partition.offset = consumer.get_watermark_offsets(partition, timeout=30)
    consumer.assign(partitions)  # no group: nobody else's offsets are touched
    return consumer


def submit(pipeline: str, value: object, run_id: str) -> str:
    """Return the position in the inbox once all replicas have the submit."""
    headers = {
        "ce_specversion": "1.0",
        "ce_type": "argosy.run.submitted.v1",
        "ce_id": str(uuid.uuid4()),
        "ce_source": "example/confluent.py",
        "ce_subject": run_id,
        "content-type": "application/json",
    }
    delivered: list[Message] = []

    def acknowledged(error: object, message: Message) -> None:
        if error is not None:
            sys.exit(f"not acknowledged: {error}; repeat it with the same run id")
        delivered.append(message)

    producer = Producer({"bootstrap.servers": SERVERS, "enable.idempotence": True, "acks": "all"})
    body = json.dumps({"pipeline": pipeline, "input": value})
    producer.produce(
        f"{PREFIX}.inbox", body, key=run_id, headers=list(headers.items()), on_delivery=acknowledged
    )
    producer.flush(30)
    if not delivered:
        sys.exit("not acknowledged in 30 s; repeat it with the same run id")
    return f"{delivered[0].partition()}/{delivered[0].offset()}"


def answer(consumer: Consumer, run_id: str, position: str) -> tuple[str, dict[str, Any]]:
    """Wait for how the run ended, or why just this submit was refused."""
    while True:
        message = consumer.poll(WAIT_SECONDS)
        if message is None:
            sys.exit(f"no answer within {WAIT_SECONDS:g} s; the run goes on")
        if message.error():
            continue
        headers = {name: value.decode() for name, value in message.headers() or []}
        if headers.get("ce_subject") != run_id:
            continue
        kind = headers["ce_type"]
        refused = kind == "argosy.submit.refused.v1" and headers["ce_id"] == position
        if refused or kind == "argosy.run.ended.v1":
            return kind, json.loads(message.value())


def main() -> None:
    """Take pipeline, input and run id from the command line."""
    pipeline, value, run_id = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    consumer = open_results()
    position = submit(pipeline, value, run_id)
    kind, body = answer(consumer, run_id, position)
    consumer.close()
    if kind == "argosy.submit.refused.v1":
        sys.exit(f"refused ({body['reason']}): {body.get('field', '')}: {body['message']}")
    if body["outcome"] != "succeeded":
        sys.exit(f"{body['outcome']}: {json.dumps(body.get('fault'))}")
    # Over 64 KiB a result is {"sha256", "bytes"}: a reference into the payload store.
    result = body["result"]
    print(json.dumps(result.get("value", result)))


if __name__ == "__main__":
    main()
