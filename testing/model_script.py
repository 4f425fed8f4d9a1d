"""What a scripted model says, and when: the script of a model server, as objects or as a JSON or TOML file."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from argosy.schemas.errors import ConfigurationError
from argosy.testing.model_faults import Fault

MODEL: Final = "scripted"
"""What `GET /v1/models` names where a script names no model."""
_MOST_FINDINGS: Final = 5


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolAsk(_Part):
    """A call that the model asks for. `arguments` as a text are sent as they are, JSON or not."""

    name: str
    arguments: dict[str, JsonValue] | str = {}
    id: str | None = None


class Say(_Part):
    """One reply: a text, a value (sent as JSON), a refusal, or calls of tools (which may have a text too)."""

    text: str | None = None
    value: JsonValue = None
    refusal: str | None = None
    tool_calls: Sequence[ToolAsk] = ()
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"] | None = None
    """What belongs to the reply, if absent."""
    fits: bool = True
    """It must fit what the request asks for (its schema, its tools), else the request is refused."""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        said = [
            name
            for name, there in (
                ("text", self.text is not None and not self.tool_calls),
                ("value", "value" in self.model_fields_set),
                ("refusal", self.refusal is not None),
                ("tool_calls", bool(self.tool_calls)),
            )
            if there
        ]
        if len(said) != 1:
            message = (
                f"a reply is one of text, value, refusal, tool_calls; this has {' and '.join(said) or 'none'}"
            )
            raise ValueError(message)
        return self

    def content(self) -> str:
        """Return the text that is sent."""
        if "value" in self.model_fields_set:
            return orjson.dumps(self.value).decode()
        return self.text or ""


class Rule(_Part):
    """Which calls it answers (all that is given must be so), with what, and with what faults.

    Its replies come in their order, the last one for ever; without any, it echoes.
    """

    name: str = ""
    model: str | None = None
    contains: str | None = None
    matches: str | None = None
    """A regular expression, searched for."""
    within: Literal["last", "all"] = "last"
    """Where `contains` and `matches` look: in the last message, or in the whole conversation."""
    role: Literal["system", "user", "assistant", "tool"] | None = None
    """Of the last message: "tool" is the turn after a tool was called."""
    schema_name: str | None = None
    """Of the answer that is asked for: in argosy the type's name, `Notes` for `returns=Notes`."""
    replies: Sequence[Say | str] = ()
    faults: Sequence[Fault] = ()
    count_by: Literal["rule", "prompt"] = "rule"
    """Whose calls are counted, for replies and faults: the rule's, or those of each single prompt."""

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            message = f"no regular expression: {error}"
            raise ValueError(message) from None
        return pattern


class Limits(_Part):
    """What one key may ask of one model; above it the answer is 429. Absent: as much as it likes."""

    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None
    concurrency: PositiveInt | None = None
    """Calls that are being answered at a time."""
    burst_seconds: Annotated[float, Field(gt=0.0, le=60.0)] = 60.0
    """How much may be used at once, as seconds of the rate: after a rest, a whole minute's."""


class Script(_Part):
    """All that a scripted model server does. Of the rules, the first that fits answers."""

    rules: Sequence[Rule] = ()
    otherwise: Literal["echo", "refuse"] | None = None
    """What a call gets that no rule fits. If absent: an echo where there are no rules, else a refusal."""
    models: Sequence[str] = ()
    """The models that it serves; any, if there are none."""
    window: PositiveInt | None = None
    """Tokens of the context window: a prompt above it is refused as a model does."""
    limits: Limits = Limits()
    limits_of: dict[str, Limits] = {}
    """Limits of single models, instead of `limits`."""
    faults: Sequence[Fault] = ()
    """Of any call, counted over all."""

    @model_validator(mode="after")
    def _names_are_names(self) -> Self:
        names = [rule_name(rule, number) for number, rule in enumerate(self.rules)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f"two rules are called {', '.join(twice)}"
            raise ValueError(message)
        return self


def rule_name(rule: Rule, number: int) -> str:
    """Name a rule as the ledger does: by its own name, or by its place."""
    return rule.name or f"rules.{number}"


def load_script(path: Path) -> Script:
    """Read a script; ConfigurationError tells the place in the file and what to do."""
    try:
        text = path.read_bytes()
        raw: object = tomllib.loads(text.decode()) if path.suffix.lower() == ".toml" else orjson.loads(text)
    except OSError as error:
        raise ConfigurationError(
            f"can't read the script {path}",
            error.strerror or str(error),
            "give the path of a JSON or TOML file",
        ) from None
    except ValueError as error:  # both decoders' errors, and a text that isn't UTF-8
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        raise ConfigurationError(
            f"the script {path} is no {kind}", str(error), "mend it there; a TOML script ends in .toml"
        ) from None
    try:
        return Script.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(
            f"the script {path} can't be played",
            findings(error),
            "mend it there; docs/testing.md (A model server that plays a script) names all there is",
        ) from None


def findings(error: ValidationError) -> str:
    """Say what is wrong and where, each once."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    texts = [f"{'.'.join(map(str, item['loc'])) or 'the whole'}: {item['msg']}" for item in found]
    shown = list(dict.fromkeys(texts))
    rest = len(shown) - _MOST_FINDINGS
    return "; ".join([*shown[:_MOST_FINDINGS], *([f"and {rest} more"] if rest > 0 else [])])
