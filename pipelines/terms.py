"""The terms of a contract: its defaults, and what of it can be wrong for the function that it is for."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from argosy.pipelines.annotation import Annotation, describe, fields_of, is_list, members
from argosy.pipelines.signature import Signature
from argosy.schemas.contract import MOST_RETRIES, Contract
from argosy.schemas.contract_checks import check_room, too_many_retries
from argosy.schemas.errors import BuildError
from argosy.schemas.ids import is_name

DEFAULTS: Final[Mapping[str, Any]] = {
    "model": None,
    "window": None,
    "reserve": 4096,
    "threshold": 0.8,
    "above": "refuse",
    "concurrency": 8,
    "timeout_seconds": 300,
    "retries": 3,
    "backoff_seconds": 1,
    "max_deliveries": 5,
    "version": "1",
}

_BESIDE: Final = ("name", "tools", "refuse_tainted")
"""Options of an agent that are no terms of its contract."""


def check_name(name: str, *, kind: str) -> None:
    """Raise a BuildError for what can't name a pipeline, a step or an agent."""
    if not is_name(name):
        raise BuildError(
            what=f"{kind} named {name!r}",
            why="names stand in topics and ids: a small letter, then up to 62 of a-z, 0-9, _ and -",
            do="pass name='...'" if kind != "a pipeline" else "choose another name",
        )


def make_contract(name: str, options: Mapping[str, Any], *, merge: str | None) -> Contract:
    """Write a contract out in full; BuildError for a term that can't be."""
    check_name(name, kind="an agent")
    given = {key: value for key, value in options.items() if key not in _BESIDE}
    for key, value in given.items():
        if key not in Contract.model_fields:
            raise _unknown(name, key, value)
    try:
        contract = Contract.model_validate({**DEFAULTS, **given, "merge": merge})
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise BuildError(
            what=f"agent {name!r} has {found['loc'][0]}={found['input']!r}",
            why=found["msg"],
            do=f"the default is {DEFAULTS.get(str(found['loc'][0]))!r}",
        ) from None  # the three lines hold all that pydantic found
    if contract.retries > MOST_RETRIES:
        raise too_many_retries(name, contract.retries)
    return contract


def check(name: str, contract: Contract, signature: Signature) -> None:
    """Raise a BuildError for a contract that its own function can't keep."""
    check_room(name, contract)
    _check_above(name, contract)
    if contract.page is not None:
        _check_page(name, contract.page, signature)
    if contract.above == "paginate" and contract.merge is None:
        _check_mergeable(name, signature)
    if contract.above == "summarise" and contract.model is None:
        raise BuildError(
            what=f"agent {name!r} summarises, and names no model",
            why="what is too large is summarised by the agent's own model",
            do="pass model='<provider>:<model>', or above='paginate'",
        )
    for given in contract.weights or ():
        if given not in signature.inputs:
            raise BuildError(
                what=f"agent {name!r} has weights={dict(contract.weights or {})!r}",
                why=f"{given!r} is no input of it; there are {', '.join(signature.inputs) or 'none'}",
                do="name its inputs, like weights={'notes': 2}",
            )


def _unknown(name: str, key: str, value: object) -> BuildError:
    known = [*_BESIDE, *Contract.model_fields]
    meant = get_close_matches(key, known, n=1)
    return BuildError(
        what=f"agent {name!r} has {key}={value!r}",
        why="an agent has no such option",
        do=f"write {meant[0]}=" if meant else f"there are {', '.join(sorted(known))}",
    )


def _check_above(name: str, contract: Contract) -> None:
    """Raise a BuildError for a term that `above` makes no use of."""
    needs = {"overlap": "paginate", "merge": "paginate", "weights": "summarise"}
    for key, above in needs.items():
        if (given := getattr(contract, key)) and contract.above != above:
            raise BuildError(
                what=f"agent {name!r} has {key}={given!r}",
                why=f"nothing comes of it with above={contract.above!r}",
                do=f"pass above={above!r} as well, or leave {key}= out",
            )


def _check_page(name: str, page: str, signature: Signature) -> None:
    first, *path = page.split(".")
    if first not in signature.inputs:
        raise _no_page(name, page, known=signature.inputs)
    found: tuple[Annotation, ...] = members(signature.inputs[first].annotation)
    for part in path:
        fields = {key: field for member in found for key, field in (fields_of(member) or {}).items()}
        if part not in fields:
            raise _no_page(name, page, known=fields)
        found = members(fields[part].annotation)


def _no_page(name: str, page: str, *, known: Mapping[str, object]) -> BuildError:
    return BuildError(
        what=f"agent {name!r} has page={page!r}",
        why=f"that names what is cut into pages; there are {', '.join(known) or 'no fields'}",
        do="name an input, or one of its fields like page='document.text'",
    )


def _check_mergeable(name: str, signature: Signature) -> None:
    result = signature.output.annotation
    fields = fields_of(result)
    if is_list(result) or (fields and all(is_list(field.annotation) for field in fields.values())):
        return
    raise BuildError(
        what=f"agent {name!r} paginates, but gives {describe(result)}",
        why="the results of its pages are joined into one; without merge= only lists can be",
        do="return a list or a model of lists only, or pass merge=<an agent (ctx, list[R]) -> R>",
    )
