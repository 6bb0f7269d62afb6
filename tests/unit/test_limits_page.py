"""Every limit of docs/limits.md is driven to its bound by a test that carries its name, and no test carries another."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.harness.paths import CHECKOUT

PAGE = (CHECKOUT / "docs/limits.md").read_text()
SETTINGS = (CHECKOUT / "docs/settings.md").read_text()


class Limit(NamedTuple):
    """A row of the page, as its columns are named there."""

    name: str
    what: str
    bound: str
    setting: str
    at_it: str
    aws: str


def _parse_limits() -> list[Limit]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| `.+$", PAGE, re.MULTILINE)
    ]
    return [Limit(name.strip("`"), *cells) for name, *cells in rows]


def _find_marked_names() -> Iterator[str]:
    for path in sorted((CHECKOUT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "mark.limit" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.limit":
                yield from (ast.literal_eval(argument) for argument in node.args)


LIMITS = _parse_limits()


def test_each_limit_is_driven_to_its_bound_by_a_test() -> None:
    names = [limit.name for limit in LIMITS]
    assert len(names) == len(set(names))
    assert set(names) == set(_find_marked_names())


@pytest.mark.parametrize("limit", LIMITS, ids=[limit.name for limit in LIMITS])
def test_each_limit_says_what_its_bound_is_and_what_happens_there(limit: Limit) -> None:
    assert limit.what
    assert limit.bound
    assert limit.at_it
    for setting in re.findall(r"`([A-Z][A-Z_]+)`", limit.setting):
        assert f"`{setting}`" in SETTINGS
