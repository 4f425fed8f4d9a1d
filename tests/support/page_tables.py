"""Tables of a page of the docs that a program makes: each stands between `<!-- name -->` and `<!-- end of name -->`."""

import re
from collections.abc import Mapping
from functools import partial


def renewed(page: str, tables: Mapping[str, str]) -> str:
    """Put the tables into a page."""
    for name, table in tables.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        assert marks.search(page), f"the page has no marks for {name}"
        page = marks.sub(partial(_put, table), page)
    return page


def _put(table: str, marks: "re.Match[str]") -> str:
    return f"{marks[1]}{table}\n{marks[2]}"
