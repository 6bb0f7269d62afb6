"""The tree of exceptions in the docstring of `errors` shows every class, its parent and its status."""

import inspect
import re

from pointsman import errors
from pointsman.errors import PointsmanError

LINE = re.compile(r"^    (?P<indent>[│ ]*)(?:[├└]── )?(?P<name>[A-Z]\w+)(?: +(?P<status>\d{3}))?")


def parse_tree() -> dict[str, tuple[str | None, int | None]]:
    """Each class's parent and status, its own or its parent's."""
    tree: dict[str, tuple[str | None, int | None]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := LINE.match(line):
            depth = 0 if not path else len(match["indent"]) // 4 + 1
            path[depth:] = [match["name"]]
            parent = path[depth - 1] if depth else None
            status = int(match["status"]) if match["status"] else tree[parent][1] if parent else None
            tree[match["name"]] = (parent, status)
    return tree


def test_the_tree_shows_every_error_with_its_parent_and_status() -> None:
    tree = parse_tree()
    classes = {
        name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PointsmanError)
    }
    assert tree.keys() == classes.keys()
    for name, kind in classes.items():
        if kind is not PointsmanError:
            assert tree[name] == (kind.__mro__[1].__name__, kind.status), name
