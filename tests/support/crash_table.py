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
_APPEND: Final = "argosy.coordinator.inbox_record:InboxRecord.append"
_BURY: Final = "argosy.broker.deadletters:Graveyard.bury"
_LINKS: Final = "argosy.client.links:Links.send"

_CLIENT: Final = (
    Point("client.submit.put", _PUT, "a large input goes to the payload store", load="large"),
    Point("client.submit.send", _LINKS, "the submit is appended to the inbox"),
    Point("gateway.submit.put", _PUT, "a large input of a POST goes to the payload store", load="large"),
    Point("gateway.submit.send", _LINKS, "the submit of a POST is appended to the inbox"),
)

_RECEIVER: Final = (
    Point("receiver.take.batch", "argosy.coordinator.receive:Receivers.took", "submits were fetched", when.of_batch),
    Point("receiver.judge.pin", "argosy.coordinator.accept:Accept.accept", "a submit is judged and pinned"),
    Point("receiver.judge.put", _PUT, "a large input goes to the payload store again", load="large"),
    Point("receiver.accept.append", _APPEND, "runs are appended to the run log", when.some, loses=True),
    Point("receiver.cancel.append", _APPEND, "a cancel is appended to the run log", when.of_judged("cancel.received"),
          load="cancelled"),
    Point("receiver.signal.append", _APPEND, "a signal is appended to the run log", when.of_judged("signal.received"),
          load="signalled"),
    Point("receiver.dead.bury", _BURY, "a submit that can't be read is kept as a dead letter", when.of_grave(".inbox"),
          load="garbled"),
    Point("receiver.dead.answer", "argosy.coordinator.refused:Refused.answer",
          "whoever sent it is answered", load="garbled"),
    Point("receiver.commit.offsets", _COMMIT, "offsets of the inbox are committed", when.of_topic(".inbox")),
)  # fmt: skip

_LANE: Final = (
    Point("lane.take.prove", "argosy.coordinator.take:_prove", "the broker proves that we are in the group"),
    Point("lane.take.own", "argosy.coordinator.chain:Chain.take", "the lane's chain of commits becomes ours",
          loses=True),
    Point("lane.take.load", "argosy.coordinator.take:_load", "the lane's state is loaded"),
    Point("lane.take.catch_up", f"{_OWNED}.catch_up", "the log is folded silently up to its end"),
    Point("lane.take.live", f"{_OWNED}.mark_live", "the lane is marked live", loses=True),
    Point("lane.batch.fold", f"{_OWNED}._fold", "a batch is folded, in memory"),
    Point("lane.batch.release", "argosy.coordinator.out:Out.release", "a ready task is released"),
    Point("lane.script.commit", "argosy.coordinator.chain:Chain.commit",
          "changes and the offset reached are committed to Redis", when.writes, loses=True),
    Point("lane.script.refill", "argosy.coordinator.owned_lane:refill", "what a commit used up is read again"),
    Point("lane.publish.begin", "argosy.coordinator.publish:Publish.send_due", "what is due begins to be sent",
          when.owing),
    Point("lane.publish.dispatch", _DELIVER, "tasks are ordered", when.to_topic(".tasks."), loses=True),
    Point("lane.publish.timer", _DELIVER, "a retry's timer fires", when.of_timers),
    Point("lane.publish.end", _DELIVER, "the end of a run is appended", when.of_entries("end:"), loses=True),
    Point("lane.publish.result", _DELIVER, "the result of a run is published", when.of_entries("result:")),
    Point("lane.publish.put", "argosy.coordinator.publish:Publish._produce",
          "large inputs of a join go to the payload store, then its order to Kafka", when.of_blobs, load="spilling"),
    Point("lane.publish.acknowledge", "argosy.coordinator.outbox:Outbox.sent",
          "the lane hears that an end was acknowledged, and forgets it with its next commit", when.of_end, loses=True),
    Point("lane.checkpoint.tell", "argosy.coordinator.lanes:Lanes._tell",
          "how far lanes are is told to Kafka", hit=2, loses=True),
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
    Point("lane.dead.bury", _BURY, "a record of the log that can't be read is kept as a dead letter",
          when.of_grave(".runs"), load="garbled"),
    Point("lane.cancel.end", _DELIVER, "the end of a cancelled run is appended", when.of_cancelled, load="cancelled"),
    Point("lane.context.refuse", "argosy.coordinator.pages:refusal", "inputs are found to be over an agent's threshold",
          when.too_much, load="tight"),
    Point("lane.map.look", "argosy.coordinator.looking:Looking.look", "a list is looked at, to be spread",
          load="spread"),
    Point("lane.map.order", _DELIVER, "tasks of a map over a pipeline are ordered", when.of_task("/each."),
          load="spread"),
    Point("lane.child.order", _DELIVER, "tasks of a pipeline in a pipeline are ordered", when.of_task("/sub/"),
          load="spread"),
    Point("lane.drain.revoke", "argosy.coordinator.lanes:Lanes.revoked", "lanes end their turns", when.second(1),
          provoke="terminate"),
    Point("lane.drain.leave", f"{_OWNED}.leave", "a lane commits what was acknowledged, for its next owner",
          provoke="terminate"),
)  # fmt: skip

_WORKER: Final = (
    Point("worker.take.batch", "argosy.agents.intake:Intake.took", "orders were fetched", when.of_batch),
    Point("worker.claim.grant", "argosy.agents.claim:Claims.claim", "attempts are claimed", loses=True),
    Point("worker.run.begin", "argosy.agents.attempt:Attempts.begin", "a claimed attempt begins"),
    Point("worker.run.read", "argosy.broker.payloads:ObstorePayloads.get", "a large input is read", load="large"),
    Point("worker.run.handle", "argosy.agents.attempt:Attempts.handle", "the handler runs"),
    Point("worker.memo.look", "argosy.agents.memo:Memos.look", "a memo is looked up"),
    Point("worker.memo.effect", "support.ledger:Ledger.make", "the side effect is made", when.of_effect),
    Point("worker.memo.set", "argosy.agents.memo:Memos.set", "its memo is stored", loses=True),
    Point("worker.memo.log", _SEND, "its memo is appended to the run log", when.of_kind("step.recorded"), loses=True),
    Point("worker.settle.put", _PUT, "a large result goes to the payload store", load="large"),
    Point("worker.settle.store", "argosy.agents.hold:Holds.store_results", "results are stored under their fences",
          loses=True),
    Point("worker.settle.publish", _SEND_MANY, "outcomes are appended to the run log", loses=True),
    Point("worker.settle.unread", _SEND_MANY, "the same, while no coordinator reads the log", load="slow",
          provoke="stall"),
    Point("worker.settle.fail", "argosy.agents.settle:Settles.settle", "a failure is settled"),
    Point("worker.settle.finish", "argosy.agents.intake:Intake.finish", "the offset counts as finished"),
    Point("worker.commit.offsets", _COMMIT, "offsets of work are committed", when.of_topic(".tasks."), loses=True),
    Point("worker.lease.renew", "argosy.agents.lease:Leases.renew", "leases are renewed", when.holding, load="slow"),
    Point("worker.cancel.stop", "argosy.agents.running:Running.stop", "a handler whose run was cancelled is stopped",
          when.needless, load="cancelled"),
    Point("worker.dead.bury", _BURY, "an order that can't be read is kept as a dead letter", when.of_grave(".tasks."),
          load="garbled"),
    Point("worker.dead.settle", _SEND, "the attempt that its headers name is settled as failed",
          when.of_kind("task.settled"), load="garbled"),
    Point("worker.drain.begin", "argosy.agents.worker:drain", "a worker that was told to stop drains", load="slow",
          provoke="terminate"),
    Point("worker.drain.hand_back", "argosy.agents.hand_back:HandBack.hand_back",
          "claims of what can't be finished are handed back", when.some, load="slow", provoke="terminate"),
    Point("worker.drain.revoke", "argosy.agents.intake:Intake.revoked", "the last offsets are committed",
          when.second(1), load="slow", provoke="terminate"),
)  # fmt: skip

_PAGES: Final = (
    Point("lane.pages.order", _DELIVER, "pages of a task are ordered", when.of_task("/read/p1."), load="paged",
          loses=True),
    Point("lane.pages.merge", _DELIVER, "the merge of pages is ordered", when.of_task("/read/p2."), load="paged"),
    Point("worker.pages.plan", "argosy.agents.system_work:SystemWork.do", "pages are planned", load="paged"),
    Point("worker.pages.cut", "argosy.agents.cuts:shown", "a page is cut out of its source", when.second(1),
          load="paged"),
    Point("worker.pages.join", "argosy.agents.system_work:SystemWork.do", "results of pages are joined",
          when.of_order("join"), load="paged"),
    Point("worker.pages.store", "argosy.agents.hold:Holds.store_results", "results of pages are stored",
          hit=3, load="paged", loses=True),
    Point("worker.pages.publish", _SEND_MANY, "outcomes of pages are appended", hit=3, load="paged", loses=True),
)  # fmt: skip

_PLANS: Final = (
    Point("lane.plan.begin", "argosy.coordinator.planned:begin", "a plan is taken over, in memory", load="planned"),
    Point("lane.plan.order", _DELIVER, "tasks of a plan are ordered", when.of_task("/plan/one"), load="planned",
          loses=True),
    Point("lane.plan.following", _DELIVER, "a task is ordered that waited for another one of its plan",
          when.of_task("/plan/two"), load="planned", loses=True),
    Point("lane.plan.look", "argosy.coordinator.looking:Looking.look", "one value is made of what its tasks gave",
          load="planned", loses=True),
    Point("worker.plan.handle", "argosy.agents.attempt:Attempts.handle", "a plan is made, or a task of it is run",
          hit=2, load="planned"),
    Point("worker.plan.store", "argosy.agents.hold:Holds.store_results", "what a plan's tasks gave is stored", hit=3,
          load="planned", loses=True),
    Point("worker.plan.publish", _SEND_MANY, "a plan, or what its tasks gave, is appended", hit=2, load="planned",
          loses=True),
)  # fmt: skip

_MODELS: Final = (
    Point("worker.budget.reserve", "argosy.agents.budget:Budgets.reserve",
          "what a model call may take is reserved from its run's budget", load="asking", loses=True),
    Point("worker.budget.settle", "argosy.agents.budget:Budgets.settle", "what it took is put right", load="asking",
          loses=True),
    Point("worker.limit.tell", "argosy.agents.bucket:Bucket.tell", "calls take their turn in the fleet's bucket",
          when.some, load="asking", loses=True),
    Point("worker.model.call", "argosy.agents.openai_client:OpenAIClient.complete", "the model is asked",
          load="asking"),
)  # fmt: skip

_BUDGETS: Final = (
    Point("worker.budget.refuse", "argosy.agents.settle:Settles.settle", "a call that the budget refused is settled",
          when.of_refusal, load="spent", loses=True),
    Point("lane.budget.hold", "argosy.coordinator.edge:hold", "a task that was refused is let wait, in memory",
          load="spent"),
    Point("lane.budget.commit", "argosy.coordinator.chain:Chain.commit",
          "who waits for a budget, and what was answered, is committed", when.asks, load="spent", loses=True),
    Point("receiver.budget.append", _APPEND, "an answer about a budget is appended to the run log",
          when.of_judged("budget.received"), load="spent"),
    Point("lane.budget.raise", "argosy.coordinator.asking:raise_to",
          "a budget is raised, and who waits for it is let go, in memory", load="spent"),
    Point("lane.budget.order", _DELIVER, "a task that waited for a budget is ordered again", when.of_again("think"),
          load="spent", loses=True),
    Point("lane.budget.deny", "argosy.coordinator.answers:deny", "who waits in vain fails, in memory", load="spent"),
    Point("lane.budget.silence", _DELIVER, "nobody has answered for long enough: a timer fires", when.of_silence,
          load="spent", loses=True),
    Point("lane.budget.end", _DELIVER, "the end of a run whose budget was not raised is appended", when.of_denied,
          load="spent", loses=True),
)  # fmt: skip

POINTS: Final[dict[str, Point]] = {
    point.name: point
    for point in (*_CLIENT, *_RECEIVER, *_LANE, *_WORKER, *_PAGES, *_PLANS, *_MODELS, *_BUDGETS)
}
