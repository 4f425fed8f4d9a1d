"""What an agent needs and promises: its context window, its reserve, its limits, its schemas."""

from functools import lru_cache
from typing import Annotated, Final, Literal, NewType

from pydantic import AfterValidator, BaseModel, Field, JsonValue, NonNegativeInt, PositiveInt

from argosy.schemas.ids import Name

JsonSchema = dict[str, JsonValue]
"""A JSON Schema (2020-12) whose named models are `{"$ref": "#/schemas/<name>"}`, in the pipeline's table."""

Above = Literal["refuse", "paginate", "summarise"]
"""What happens to an input above the safe threshold of the window."""

ABOVE: Final[tuple[Above, ...]] = ("refuse", "paginate", "summarise")

PerMille = NewType("PerMille", int)
"""A share in thousandths: the core computes with integers only."""

VERSION_PATTERN: Final = r"^[A-Za-z0-9._+-]{1,64}$"

_KEPT_BYTES: Final = 4096
"""Of a contract's JSON that is kept: a stranger's may be as long as a message."""
MOST_RETRIES: Final = 100
"""A task that failed a hundred times has something that the next attempt won't mend."""

Version = Annotated[str, Field(pattern=VERSION_PATTERN)]


def is_none(value: object) -> bool:
    """Tell an optional field that is left out of the JSON."""
    return value is None


def _whole_as_int(seconds: float) -> float:
    # 5 and 5.0 are one number in JSON: were both kept, a client in another language would change the hash.
    return int(seconds) if seconds == int(seconds) else seconds


def is_zero(value: object) -> bool:
    """Tell an optional number that is left out of the JSON."""
    return value == 0


Seconds = Annotated[
    int | float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False), AfterValidator(_whole_as_int)
]


class Contract(BaseModel, frozen=True, extra="forbid"):
    """The whole contract of an agent, written out, so that a run keeps its terms when a default changes."""

    model: str | None
    """`<provider>:<model>`, or None for an agent that asks no model."""
    window: PositiveInt | None
    """Tokens of the context window; None: the model's."""
    reserve: NonNegativeInt
    """Tokens of the window that are kept for the output."""
    threshold: Annotated[float, Field(gt=0, le=1)]
    """The share of the window that may be used."""
    above: Above
    page: Annotated[str | None, Field(exclude_if=is_none)] = None
    """`<input>` or `<input>.<field>…`: what is cut into pages; absent: the text or list with most tokens."""
    merge: Annotated[Name | None, Field(exclude_if=is_none)] = None
    """The agent that makes one output of those of all pages."""
    overlap: Annotated[NonNegativeInt, Field(exclude_if=is_zero)] = 0
    """Tokens of the page before that a page of a text begins with."""
    weights: Annotated[dict[Name, PositiveInt] | None, Field(exclude_if=is_none)] = None
    """By input: its share of the room beside the others, where several are summarised; absent: 1 each."""
    concurrency: PositiveInt
    """Tasks that one worker runs at once."""
    timeout_seconds: Seconds
    """Time limit of one attempt."""
    retries: Annotated[NonNegativeInt, Field(json_schema_extra={"maximum": MOST_RETRIES})]
    """Attempts after the first one; `pipeline_checks` holds the bound, so that what was accepted stays readable."""
    backoff_seconds: Seconds
    """Wait before the first retry; it doubles with each."""
    max_deliveries: PositiveInt
    """Lost leases after which a task counts as poison."""
    version: Version

    @property
    def threshold_per_mille(self) -> PerMille:
        """The threshold as an integer, for the core."""
        return PerMille(round(self.threshold * 1000))

    @property
    def timeout_millis(self) -> int:
        """Milliseconds that one attempt may take."""
        return round(self.timeout_seconds * 1000)

    @property
    def backoff_millis(self) -> int:
        """Milliseconds before the first retry."""
        return round(self.backoff_seconds * 1000)


def known_contract(text: bytes) -> Contract:
    """Read a contract from its JSON: thousands of tasks carry the same one. Raises ValueError."""
    return _short_contract(text) if len(text) <= _KEPT_BYTES else Contract.model_validate_json(text)


@lru_cache(maxsize=256)
def _short_contract(text: bytes) -> Contract:
    return Contract.model_validate_json(text)


class AgentContract(Contract, frozen=True, extra="forbid"):
    """A contract as a compiled pipeline pins it: with the schemas of the agent's inputs and output."""

    inputs: dict[str, JsonSchema]
    """By parameter name, in the order of the parameters; one that holds `default` may be left out."""
    output: JsonSchema

    def required_inputs(self) -> tuple[str, ...]:
        """Name the inputs that every step of this agent must feed."""
        return tuple(name for name, schema in self.inputs.items() if "default" not in schema)
