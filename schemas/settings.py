"""Settings: one typed page. Flag > environment > `.env` > `argosy.toml` > `[tool.argosy]` > local stack > default.

The prefix is `ARGOSY_`, a nested field is joined by two underscores (`ARGOSY_KAFKA__BOOTSTRAP_SERVERS`). The
names that others have made usual are read too: KAFKA_BOOTSTRAP_SERVERS, REDIS_URL, OPENAI_API_KEY,
OPENAI_BASE_URL, OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from argosy.schemas import redact
from argosy.schemas.bounds import Positive, Seconds
from argosy.schemas.dashboard_settings import DashboardSettings
from argosy.schemas.gateway_settings import GatewaySettings
from argosy.schemas.local_stack import local_stack, stack_folder
from argosy.schemas.prices import Price
from argosy.schemas.secrets import secrets_of

DAY_SECONDS = 86_400
CONFIG_VARIABLE = "ARGOSY_CONFIG"
"""Names another file than `argosy.toml`; inherited by the processes that a command starts."""


class KafkaSettings(BaseModel):
    """How to reach Kafka, and the shape of our topics."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_file: Path | None = None
    ssl_cert_file: Path | None = None
    ssl_key_file: Path | None = None
    topic_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,100}$")] = "argosy"
    replication: Positive = 1
    inbox_partitions: Positive = 4
    work_partitions: Positive = 8
    session_timeout_seconds: Seconds = 10.0
    send_deadline_seconds: Seconds = 30.0
    """How long a produced record may stay unacknowledged before its sender is told."""
    max_message_bytes: Positive = 1_000_000


class RedisSettings(BaseModel):
    """How to reach the Redis-protocol server. `rediss://` for TLS, user and password for an ACL user."""

    url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    key_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,50}$")] = "argosy"
    timeout_seconds: Seconds = 5.0


class ModelLimits(BaseModel):
    """What one key may ask of one model, all workers together. Absent: as much as it likes; a 429 slows all anyway."""

    model_config = ConfigDict(extra="forbid")

    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    """Of prompts and of what may be answered."""
    calls: Positive | None = None
    """Under way at once."""
    burst_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How much may be used at once, as seconds of the rate: less than the server lets, for what is late on its way."""


class TenantBudget(BaseModel):
    """What all runs of one tenant may take together in a day (UTC). Absent: as much as they like."""

    model_config = ConfigDict(extra="forbid")

    tokens_per_day: Positive | None = None
    micros_per_day: Positive | None = None
    """Money, in millionths."""


class ModelSettings(BaseModel):
    """The language model behind `ctx.model`: any endpoint that speaks the OpenAI protocol."""

    api_key: SecretStr | None = None
    base_url: str | None = None
    timeout_seconds: Seconds = 120.0
    """Of one call, counted from when a slot is free."""
    max_calls: Positive = 16
    """Calls in flight in one process."""
    replace_with: str | None = None
    """Use this model for every agent, whatever its contract names: for demos and local models."""
    window: Positive | None = None
    """Context window of `replace_with`."""
    windows: dict[str, Positive] = {}
    """Context windows of models that our table doesn't know."""
    repairs: Annotated[int, Field(ge=0, le=10)] = 1
    """How often an answer that is not of the asked type is asked for again; each try is billed."""
    tool_rounds: Positive = 8
    """Turns of one `ask` in which the model may ask for tools."""
    tools_at_once: Positive = 8
    """Tools of one turn that are called at once."""
    record_turns: Literal["unrepeatable", "always", "never"] = "unrepeatable"
    """Turns that ask for tools are memos: where one of the tools can't be repeated, always, or never."""
    limits: dict[str, ModelLimits] = {}
    """By `<provider>:<model>`, by model, or `*` for each of all others; see docs/limits.md."""
    key_name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,50}$")] = "default"
    """Names the key whose limits these are, never the key itself: workers with another key say another name."""
    prices: dict[str, Price] = {}
    """Micro-units of money for a million tokens, by model as in `limits`; comes before our own table."""
    tenant_budgets: dict[str, TenantBudget] = {}
    """By tenant, or `*` for each of all others that name themselves."""
    limit_wait_seconds: Seconds = 5.0
    """How long a handler may keep its slot for its turn at a limited model; a longer wait gives the slot to others."""


class TelemetrySettings(BaseModel):
    """What is told about a run, and to whom. Nothing is exported unless an endpoint, a folder or a port is given."""

    otlp_endpoint: str | None = None
    otlp_protocol: Literal["grpc", "http/protobuf"] = "http/protobuf"
    otlp_headers: SecretStr | None = None
    folder: Path | None = None
    """Write OTLP-JSON files here."""
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """Serve `/metrics` for Prometheus here, in every serving process; 0, or a port that is taken = any free one, told
    in the log and in the process's presence. Absent: not served."""
    metrics_host: str = "127.0.0.1"
    """Where `/metrics` listens. It holds names and numbers, no contents; beyond loopback who reaches it may read."""
    sample_per_mille: Annotated[int, Field(ge=0, le=1000)] = 1000
    trace_tasks: Annotated[int, Field(ge=0)] = 1000
    """In a run with more tasks each begins a trace of its own, linked to the run's: backends choke on huge ones."""
    content: Literal["off", "hash", "full"] = "hash"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "pretty"] = "auto"
    service_namespace: str = "argosy"


class FleetSettings(BaseModel):
    """The protocol's own numbers. All processes of one fleet must agree on them."""

    lanes: Positive = 8
    rules: Positive = 2
    """The rules that new runs are accepted with: raised after a roll-out, not by it."""
    longest_run_seconds: Positive = 7 * DAY_SECONDS
    window_seconds: Positive = 2 * DAY_SECONDS
    """How long a submit may be repeated."""
    ahead_seconds: Positive = 300
    unknown_pipeline_seconds: Seconds = 60.0
    lease_seconds: Seconds = 15.0
    renew_seconds: Seconds = 5.0
    dispatch_window: Positive = 256
    """Tasks of one agent and lane that may be out at once, at most: by how soon workers begin them it is less."""
    dispatch_window_least: Positive = 2
    """However slow workers are."""
    dispatch_ahead_seconds: Seconds = 5.0
    """For how long tasks may lie before busy workers, where no priority and no cancel reaches them."""
    patience_seconds: Seconds = 30.0
    """After this long a dispatch that wasn't answered is sent again; the wait doubles each time."""
    patience_most_seconds: Seconds = 600.0
    lane_heartbeat_seconds: Seconds = 1.0
    hard_input_bytes: Positive = 64 * 1024 * 1024
    """The most that a run's input may have; it is read whole by the receiver and by each agent that takes it."""
    hard_result_bytes: Positive = 64 * 1024 * 1024
    run_cache_bytes: Positive = 256 * 1024 * 1024
    most_runs: Positive = 100_000
    """Runs under way at once in the whole fleet; by rules 2. What is submitted above that waits, or is refused."""
    most_runs_of: dict[str, Positive] = {}
    """Runs of one pipeline under way at once, by its name."""
    most_run_bytes: Positive = 2 * 1024 * 1024 * 1024
    """What the state of all runs under way may take in Redis, roughly: new runs wait above that."""
    busy_wait_seconds: Seconds = 300.0
    """How long a submit waits in the inbox for room, before it is refused."""


class WorkerSettings(BaseModel):
    """One worker process."""

    concurrency: Positive | None = None
    """Handlers at once; absent = what each agent's contract says."""
    in_flight_bytes: Positive = 256 * 1024 * 1024
    per_partition: Positive = 500
    parked_most: Positive = 10_000
    drain_seconds: Seconds = 20.0
    grace_seconds: Seconds = 5.0
    """How long a handler that was told to stop may take to do so."""
    watchdog_seconds: Seconds = 120.0


class SandboxSettings(BaseModel):
    """How agents run code that nobody has read: what it may see, and how much it may take."""

    kind: Literal["bubblewrap", "none"] = "bubblewrap"
    """`none`: without a sandbox, under the limits alone; every result says so. Never for code of strangers."""
    wall_seconds: Seconds = 120.0
    cpu_seconds: Positive = 60
    """Of all its processes together."""
    memory_bytes: Positive = 1024 * 1024 * 1024
    """Of all its processes together, and address space of each."""
    processes: Positive = 64
    scratch_bytes: Positive = 256 * 1024 * 1024
    """Of its `/tmp`, of its copy of the folder (both in memory), and of any single file."""
    output_bytes: Positive = 64 * 1024
    """What is kept of its output: the beginning and the end."""


class WorkshopSettings(BaseModel):
    """What the software team works on."""

    folder: Path = Path(".argosy/repositories")
    """Repositories that its agents may change, by name; the same folder for all its workers."""
    test_command: tuple[str, ...] = ("python3", "-m", "unittest", "discover", "-s", "tests", "-t", ".")
    """Run in the sandbox, in a checkout. As JSON: `["python3", "-m", "pytest", "-q"]`."""
    protected: tuple[str, ...] = ("tests/*", "conftest.py", "*/conftest.py")
    """Files that no agent may change, as patterns: who may change the tests can make any code pass them."""


class Settings(BaseSettings):
    """All of it. Secrets are `SecretStr`: they never show in a repr, a log or a dump."""

    model_config = SettingsConfigDict(
        env_prefix="ARGOSY_",
        env_nested_delimiter="__",
        env_file=".env",
        pyproject_toml_table_header=("tool", "argosy"),
        extra="ignore",
    )

    app: str | None = None
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    payloads: str = Field(default="", description="URL of the payload store; empty = `.argosy/payloads` here")
    model: ModelSettings = ModelSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    fleet: FleetSettings = FleetSettings()
    worker: WorkerSettings = WorkerSettings()
    gateway: GatewaySettings = GatewaySettings()
    dashboard: DashboardSettings = DashboardSettings()
    sandbox: SandboxSettings = SandboxSettings()
    workshop: WorkshopSettings = WorkshopSettings()

    kafka_bootstrap_servers: str | None = Field(
        default=None, validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS")
    )
    redis_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("REDIS_URL"))
    openai_api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("OPENAI_API_KEY"))
    openai_base_url: str | None = Field(default=None, validation_alias=AliasChoices("OPENAI_BASE_URL"))
    otel_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT")
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence, highest first."""
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            TomlConfigSettingsSource(settings_cls, Path(os.environ.get(CONFIG_VARIABLE, "argosy.toml"))),
            PyprojectTomlConfigSettingsSource(settings_cls),
            file_secret_settings,
        )

    def model_post_init(self, _context: object, /) -> None:
        """Let the usual names, then the local stack, fill what our own names left open."""
        stack = local_stack(stack_folder())
        servers = self.kafka_bootstrap_servers or (stack[0] if stack else None)
        if servers and "bootstrap_servers" not in self.kafka.model_fields_set:
            self.kafka = self.kafka.model_copy(update={"bootstrap_servers": servers})
        url = self.redis_url or (SecretStr(stack[1]) if stack else None)
        if url and "url" not in self.redis.model_fields_set:
            self.redis = self.redis.model_copy(update={"url": url})
        update: dict[str, object] = {}
        if self.openai_api_key and self.model.api_key is None:
            update["api_key"] = self.openai_api_key
        if self.openai_base_url and self.model.base_url is None:
            update["base_url"] = self.openai_base_url
        if update:
            self.model = self.model.model_copy(update=update)
        if self.otel_endpoint and self.telemetry.otlp_endpoint is None:
            self.telemetry = self.telemetry.model_copy(update={"otlp_endpoint": self.otel_endpoint})
        redact.know(secrets_of(self))
