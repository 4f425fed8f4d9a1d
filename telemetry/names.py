"""Every name that argosy's telemetry uses: spans, attributes, metrics, log events.

Conventions: OpenTelemetry messaging (semantic conventions 1.44) and GenAI. The GenAI metrics have the names of semantic
conventions 1.41, which the official Python instrumentation and the dashboards in use still have; those of v0.1.0 of the
separate GenAI conventions are told where they are asked for (`dialect`, `inference_table`). What no convention names
begins with `argosy.`.

| span | kind | made by | parent |
|---|---|---|---|
| `send <inbox topic>` | PRODUCER | client, at submit | the caller's span, or none: the trace's root |
| `process <inbox topic>` | CONSUMER | receiver, at accept | submit |
| `send <tasks topic>` | PRODUCER | coordinator, at dispatch | accept; a link to it beyond `trace_tasks` tasks |
| `invoke_agent <agent>` | CONSUMER | worker, around the handler | dispatch |
| `chat <model>` | CLIENT | worker, each model call | the handler's current span |
| `execute_tool <tool>` | INTERNAL | worker, each tool call | the handler's current span |
| `send <run log topic>` | PRODUCER | worker, at settle | invocation |
| `wait <step>` | INTERNAL | coordinator, when an approval, a signal or a sleep has ended: as long as it | accept |
| `invoke_workflow <pipeline>` | INTERNAL | coordinator, at the end: as long as the run | accept |
| `send <results topic>` | PRODUCER | coordinator, at the result | accept |
"""

from typing import Final, Literal

SCOPE: Final = "argosy"
"""The instrumentation scope of all our spans and metrics."""

# -- span names are `<operation> <target>`

SEND: Final = "send"
PROCESS: Final = "process"
INVOKE_AGENT: Final = "invoke_agent"
INVOKE_WORKFLOW: Final = "invoke_workflow"
EXECUTE_TOOL: Final = "execute_tool"
CHAT: Final = "chat"
WAIT: Final = "wait"

# -- attributes: messaging

MESSAGING_SYSTEM: Final = "messaging.system"
KAFKA: Final = "kafka"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
PARTITION: Final = "messaging.destination.partition.id"
OFFSET: Final = "messaging.kafka.offset"
MESSAGE_ID: Final = "messaging.message.id"
OLD_OPERATION: Final = "messaging.operation"
"""As the next three: of semantic conventions 1.24, told beside ours if that is asked for (`telemetry.dialect`)."""
OLD_PARTITION: Final = "messaging.kafka.destination.partition"
OLD_OFFSET: Final = "messaging.kafka.message.offset"
OLD_GROUP: Final = "messaging.kafka.consumer.group"
CONVERSATION_ID: Final = "messaging.message.conversation_id"
"""The run id, on messaging spans: what a backend's messaging view groups by."""

# -- attributes: GenAI

GEN_AI_OPERATION: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER: Final = "gen_ai.provider.name"
OLD_SYSTEM: Final = "gen_ai.system"
"""The provider, up to semantic conventions 1.36."""
GEN_AI_AGENT: Final = "gen_ai.agent.name"
WORKFLOW: Final = "gen_ai.workflow.name"
"""The pipeline; v0.1.0 of the GenAI conventions calls it `gen_ai.agent.name`."""
GEN_AI_CONVERSATION: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STREAM: Final = "gen_ai.request.stream"
OUTPUT_TYPE: Final = "gen_ai.output.type"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
FIRST_CHUNK_SECONDS: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 (not a secret: `input` or `output`)
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"

# -- attributes: our own

RUN_ID: Final = "argosy.run.id"
PIPELINE: Final = "argosy.pipeline"
"""`name@version`."""
RUN_OUTCOME: Final = "argosy.run.outcome"
RUN_TASKS: Final = "argosy.run.tasks"
RUN_INVOCATIONS: Final = "argosy.run.invocations"
"""How many attempts were settled, at least: with fewer spans `invoke_agent` in a trace, some were lost."""
TRACE_MODE: Final = "argosy.trace.mode"
"""On a dispatch: `link` where it begins a trace of its own, as its run has so many tasks."""
SENT: Final = "argosy.dispatch.sent"
"""On a dispatch: the how many-th time that this attempt was sent."""
WAITED_FOR: Final = "argosy.wait.for"
"""On a wait: `approval`, `signal` or `sleep`."""
WAIT_OUTCOME: Final = "argosy.wait.outcome"
LEFT: Final = "argosy.left"
"""On an invocation that was not settled: why (`claim_lost`, `drain`, `waits`, `expired`)."""
TASK_ID: Final = "argosy.task.id"
STEP: Final = "argosy.step"
ATTEMPT: Final = "argosy.task.attempt"
DELIVERY: Final = "argosy.task.delivery"
TASK_OUTCOME: Final = "argosy.task.outcome"
WALL_SECONDS: Final = "argosy.wall_seconds"
HANDOFF_SECONDS: Final = "argosy.handoff_seconds"
CONTEXT_SHARE: Final = "argosy.context.share"
"""Prompt tokens and reserve as a share of the window; 1.0 is full. On an invocation: of its fullest model call."""
CONTEXT_METHOD: Final = "argosy.context.method"
"""Of inputs that were too large: which one, and `paginate` or `summarise`. A list, as the next four are."""
CONTEXT_SOURCE: Final = "argosy.context.source_sha256"
CONTEXT_BEFORE: Final = "argosy.context.tokens_before"
CONTEXT_AFTER: Final = "argosy.context.tokens_after"
CONTEXT_PAGES: Final = "argosy.context.pages"
CONTEXT_PAGE: Final = "argosy.context.page"
"""Which page the task was given, from 1 on."""
SLOT_SECONDS: Final = "argosy.model.slot_seconds"
"""How long a model call waited for a free slot."""
TRIES: Final = "argosy.model.tries"
"""HTTP requests that one logical model call took."""
REPAIR: Final = "argosy.model.repair"
"""On a model call: the how many-th one in which an answer that could not be read was to be mended."""
CALL_NAME: Final = "argosy.call.name"
INPUT: Final = "argosy.input"
OUTPUT: Final = "argosy.output"
SHA256_SUFFIX: Final = ".sha256"
"""With content `hash`, `<attribute>.sha256` stands in the place of `<attribute>`."""
LINK_KIND: Final = "argosy.link"
"""On a link: `parent` (a joined result), `retry` (the attempt before), `delivery` (the one before of the same attempt,
whose worker died or lost its lease: its own span may never have come), `message` (the one processed), `replay` (the
run that this one is a replay or a fork of), `run` (from a task's own trace to its run's)."""
DUPLICATE: Final = "argosy.duplicate"
"""How a duplicate was caught: `over`, `settled`, `busy`, `attached`, `stale`."""
GROUP: Final = "messaging.consumer.group.name"
LAG_STATE: Final = "argosy.lag.state"
"""`waiting`, `in_flight`, `parked` or `dead`."""

LEASE: Final = "argosy.lease"
"""Of a lost lease: `taken_over` where another was given the task, `lost` where who had it was told so."""
LANE_STATE: Final = "argosy.lane.state"
"""`live`, `reloading` or `paused`."""
BUDGET_OF: Final = "argosy.budget.of"
"""Whose budget is spent: `run` or `tenant`."""
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"

# -- log events: one at every handoff

Handoff = Literal[
    "submitted",
    "accepted",
    "dispatched",
    "claimed",
    "settled",
    "taken",
    "asked",
    "answered",
    "joined",
    "ended",
    "parked",
    "dead",
]
"""In the order of a run's life; `argosy.telemetry.handoffs` says who tells each, and with which fields."""
