"""The crash points: every gap between two effects of a process, by the activity that it lies in."""

from typing import Final

from support import crash_when as when
from support.crash_points import Point

_COMMIT: Final = "argosy.broker.consumer:KafkaConsumer.commit"
_SEND: Final = "argosy.broker.producer:KafkaProducer.send"
_SEND_MANY: Final = "argosy.broker.producer:KafkaProducer.send_many"
_PUT: Final = "argosy.broker.payloads:ObstorePayloads.put"
_OWNED: Final = "argosy.coordinator.owned_lane:OwnedLane"
_DELIVER: Final = "argosy.coordinator.publish:Publish._deliver"

_CLIENT: Final = (
    Point("client.submit.put", _PUT, "a large input goes to the payload store", load="large"),
    Point("client.submit.send", "argosy.client.links:Links.send", "the submit is appended to the inbox"),
)

_RECEIVER: Final = (
    Point("receiver.take.batch", "argosy.coordinator.receive:Receivers.took", "submits were fetched", when.of_batch),
    Point("receiver.judge.pin", "argosy.coordinator.accept:Accept.accept", "a submit is judged and pinned"),
    Point("receiver.judge.put", _PUT, "a large input goes to the payload store again", load="large"),
    Point("receiver.accept.append", "argosy.coordinator.inbox_record:InboxRecord.append",
          "runs are appended to the run log", when.some),
    Point("receiver.commit.offsets", _COMMIT, "offsets of the inbox are committed", when.of_topic(".inbox")),
)  # fmt: skip

_LANE: Final = (
    Point("lane.take.prove", "argosy.coordinator.take:_prove", "the broker proves that we are in the group"),
    Point("lane.take.own", "argosy.coordinator.chain:Chain.take", "the lane's chain of commits becomes ours"),
    Point("lane.take.load", "argosy.coordinator.take:_load", "the lane's state is loaded"),
    Point("lane.take.catch_up", f"{_OWNED}.catch_up", "the log is folded silently up to its end"),
    Point("lane.take.live", f"{_OWNED}.mark_live", "the lane is marked live"),
    Point("lane.batch.fold", f"{_OWNED}._fold", "a batch is folded, in memory"),
    Point("lane.batch.release", "argosy.coordinator.release:Release.fill", "ready tasks are released", when.releasing),
    Point("lane.script.commit", "argosy.coordinator.chain:Chain.commit",
          "changes and the offset reached are committed to Redis", when.writes),
    Point("lane.script.refill", "argosy.coordinator.owned_lane:refill", "what a commit used up is read again"),
    Point("lane.publish.begin", "argosy.coordinator.publish:Publish.send_due", "what is due begins to be sent",
          when.owing),
    Point("lane.publish.dispatch", _DELIVER, "tasks are ordered", when.to_topic(".tasks.")),
    Point("lane.publish.timer", _DELIVER, "a retry's timer fires", when.of_timers),
    Point("lane.publish.end", _DELIVER, "the end of a run is appended", when.of_entries("end:")),
    Point("lane.publish.result", _DELIVER, "the result of a run is published", when.to_topic(".results")),
    Point("lane.publish.put", "argosy.coordinator.publish:Publish._produce",
          "large inputs of a join go to the payload store, then its order to Kafka", when.of_blobs, load="spilling"),
    Point("lane.publish.acknowledge", "argosy.coordinator.outbox:Outbox.sent",
          "the lane hears that an end was acknowledged, and forgets it with its next commit", when.of_end),
    Point("lane.checkpoint.tell", "argosy.coordinator.lanes:Lanes._tell",
          "how far lanes are is told to Kafka", hit=2),
    Point("lane.reload.begin", "argosy.coordinator.lane:take", "a lane whose chain was broken is taken again",
          when.again(), provoke="rebuild"),
    Point("lane.reload.drop", "argosy.coordinator.chain:Chain.commit", "state that can't be trusted is dropped",
          when.drops, provoke="rebuild"),
    Point("lane.reload.fold", f"{_OWNED}.catch_up", "the state is made again from the log", when.rebuilding,
          provoke="rebuild"),
    Point("lane.reload.live", f"{_OWNED}.mark_live", "a lane that was rebuilt is marked live", when.rebuilding,
          provoke="rebuild"),
    Point("lane.reload.sweep", "argosy.coordinator.owned_lane:sweep", "what the dropped state left is swept",
          provoke="rebuild"),
    Point("lane.drain.revoke", "argosy.coordinator.lanes:Lanes.revoked", "lanes end their turns", when.second(1),
          provoke="terminate"),
    Point("lane.drain.leave", f"{_OWNED}.leave", "a lane commits what was acknowledged, for its next owner",
          provoke="terminate"),
)  # fmt: skip

_WORKER: Final = (
    Point("worker.take.batch", "argosy.agents.intake:Intake.took", "orders were fetched", when.of_batch),
    Point("worker.claim.grant", "argosy.agents.claim:Claims.claim", "attempts are claimed"),
    Point("worker.run.begin", "argosy.agents.attempt:Attempts.begin", "a claimed attempt begins"),
    Point("worker.run.read", "argosy.broker.payloads:ObstorePayloads.get", "a large input is read", load="large"),
    Point("worker.run.handle", "argosy.agents.attempt:Attempts.handle", "the handler runs"),
    Point("worker.memo.look", "argosy.agents.memo:Memos.look", "a memo is looked up"),
    Point("worker.memo.effect", "support.ledger:Ledger.make", "the side effect is made", when.of_effect),
    Point("worker.memo.set", "argosy.agents.memo:Memos.set", "its memo is stored"),
    Point("worker.memo.log", _SEND, "its memo is appended to the run log", when.of_kind("step.recorded")),
    Point("worker.settle.put", _PUT, "a large result goes to the payload store", load="large"),
    Point("worker.settle.store", "argosy.agents.hold:Holds.store_results", "results are stored under their fences"),
    Point("worker.settle.publish", _SEND_MANY, "outcomes are appended to the run log"),
    Point("worker.settle.fail", "argosy.agents.settle:Settles.settle", "a failure is settled"),
    Point("worker.settle.finish", "argosy.agents.intake:Intake.finish", "the offset counts as finished"),
    Point("worker.commit.offsets", _COMMIT, "offsets of work are committed", when.of_topic(".tasks.")),
    Point("worker.lease.renew", "argosy.agents.lease:Leases.renew", "leases are renewed", when.holding, load="slow"),
    Point("worker.drain.begin", "argosy.agents.worker:drain", "a worker that was told to stop drains", load="slow",
          provoke="terminate"),
    Point("worker.drain.hand_back", "argosy.agents.hand_back:HandBack.hand_back",
          "claims of what can't be finished are handed back", when.some, load="slow", provoke="terminate"),
    Point("worker.drain.revoke", "argosy.agents.intake:Intake.revoked", "the last offsets are committed",
          when.second(1), load="slow", provoke="terminate"),
)  # fmt: skip

POINTS: Final[dict[str, Point]] = {point.name: point for point in (*_CLIENT, *_RECEIVER, *_LANE, *_WORKER)}
