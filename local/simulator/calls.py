"""The log of calls: what was asked, what was done, what was answered. Secrets stay out of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.simulator.wire import Obj, as_list, as_obj

_SECRET = re.compile(r"key$|token$|secret|password|credential", re.IGNORECASE)
_HARMLESS = frozenset({"page_token", "next_page_token"})
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
HIDDEN = "***"


@dataclass
class CallEntry:
    """One call. `status` stays null when no answer was sent; `committed` tells that its work was done."""

    sequence: int
    time: float
    provider: str
    operation: str
    method: str
    path: str
    header_names: list[str]
    body: object
    status: int | None = None
    committed: bool = False
    ended: bool = False
    fault: str | None = None


@dataclass
class CallLog:
    """Calls in the order of their arrival, numbered from 1 without gaps until the next reset."""

    entries: list[CallEntry] = field(default_factory=list[CallEntry])

    def open(self, entry: CallEntry) -> CallEntry:
        entry.sequence = len(self.entries) + 1
        self.entries.append(entry)
        return entry

    def since(self, sequence: int) -> list[CallEntry]:
        return self.entries[max(sequence, 0) :]


def redacted(body: Mapping[str, object], graphql: bool) -> Obj:
    """The body without secrets: no values of variables, no values under names that look secret.

    For GraphQL the top-level `variables` are arguments and stay readable; string literals in the query do not.
    """
    if not graphql:
        return as_obj(_clean(dict(body)))
    shown = as_obj(_clean({name: value for name, value in body.items() if name not in ("query", "variables")}))
    shown["query"] = _LITERAL.sub(f'"{HIDDEN}"', str(body.get("query", "")))
    shown["variables"] = _clean(as_obj(body.get("variables")))
    return shown


def _clean(value: object, hide: bool = False) -> object:
    if isinstance(value, dict):
        return {
            name: _clean(below, hide or name == "variables" or (bool(_SECRET.search(name)) and name not in _HARMLESS))
            for name, below in as_obj(value).items()  # pyright: ignore[reportUnknownArgumentType]
        }
    if isinstance(value, list):
        return [_clean(below, hide) for below in as_list(value)]  # pyright: ignore[reportUnknownArgumentType]
    return HIDDEN if hide and value is not None else value
