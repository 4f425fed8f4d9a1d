"""Draws pages and items from the templates of `console/web`; autoescaped, strict, without any inline script."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from argosy.console.dashboard_page import Item, Region, View
from argosy.console.dashboard_states import corners
from argosy.console.dashboard_text import cut, finished
from argosy.console.moments import ago, length, moment
from argosy.console.numbers import counted, short

NAV: Final = (
    ("fleet", "/", "Fleet"),
    ("runs", "/runs", "Runs"),
    ("pipelines", "/pipelines", "Pipelines"),
    ("approvals", "/approvals", "Approvals"),
    ("limits", "/limits", "Limits"),
    ("lanes", "/lanes", "Lanes"),
    ("dead", "/dead", "Dead letters"),
)
_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@cache
def static() -> Mapping[str, tuple[bytes, str, str]]:
    """Read what is served as it is: by name its bytes, media type and tag. A fixed table: no path can leave it."""
    found: dict[str, tuple[bytes, str, str]] = {}
    for file in resources.files("argosy.console").joinpath("web").iterdir():
        kind = _KINDS.get(file.name.rpartition(".")[2])
        if kind is not None:
            data = file.read_bytes()
            found[file.name] = (data, kind, sha256(data).hexdigest()[:16])
    return found


def _address(name: str) -> str:
    return f"/static/{name}?{static()[name][2]}"


@cache
def environment() -> Environment:
    """Make the templates' world, once."""
    made = Environment(
        loader=PackageLoader("argosy.console", "web"),
        autoescape=True,
        finalize=finished,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, object] = vars(made)[
        "filters"
    ]  # type checkers differ on what the library says of both
    names: dict[str, object] = vars(made)["globals"]
    filters |= {
        "moment": moment,
        "lasting": length,
        "ago": ago,
        "short": short,
        "counted": counted,
        "cut": cut,
        "corners": corners,
    }
    names |= {"static": _address, "nav": NAV}
    return made


def draw(region: Region, item: Item) -> Markup:
    """Draw an item."""
    file, _, name = region.macro.partition(":")
    macro: Callable[..., Markup] = getattr(environment().get_template(file).module, name)
    return macro(item.key, item.facts)


def draw_region(region: Region) -> Markup:
    """Draw all items of a region."""
    return Markup("").join(draw(region, item) for item in region.items)


def draw_page(template: str, view: View, around: Mapping[str, object]) -> str:
    """Draw a page. `around` is what the layout needs."""
    regions: Mapping[str, Region] = {region.name: region for region in view.regions}

    def region(name: str) -> Markup:
        return draw_region(regions[name])

    def has(name: str) -> bool:
        return bool(regions[name].items)

    given = {**view.facts, **around, "title": view.title, "region": region, "has": has}
    return environment().get_template(template).render(given)


def drawn(regions: Sequence[Region]) -> dict[str, str]:
    """Draw regions by name: for tests."""
    return {region.name: str(draw_region(region)) for region in regions}
