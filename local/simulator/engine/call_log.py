"""The call log: each request, whether it was executed, and its response status. Secrets are redacted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.simulator.http.messages import Obj, as_list, as_obj

_SECRET_NAME = re.compile(r"key$|token$|secret|password|credential", re.IGNORECASE)
_PUBLIC_NAMES = frozenset({"page_token", "next_page_token"})
_STRING_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
REDACTED = "***"


@dataclass
class CallEntry:
    """One logged call.

    Attributes:
        status: The HTTP status of the response; None while it is pending or when the connection was dropped.
        committed: Whether the request was executed and succeeded, whatever the client received.
        ended: Whether the call is finished.
        fault: The kind of the fault that hit the call.
    """

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
    """Calls in the order of arrival, numbered from 1 without gaps until the next reset."""

    entries: list[CallEntry] = field(default_factory=list[CallEntry])

    def append(self, entry: CallEntry) -> CallEntry:
        """Assign the next sequence number to an entry and store it."""
        entry.sequence = len(self.entries) + 1
        self.entries.append(entry)
        return entry

    def list_after(self, sequence: int) -> list[CallEntry]:
        """Return the entries with a sequence number above `sequence`."""
        return self.entries[max(sequence, 0) :]


def redact_body(body: Mapping[str, object], is_graphql: bool) -> Obj:
    """Redact a request body: the values of `variables` and of names that look secret.

    For GraphQL the top-level `variables` are arguments and stay readable; string literals in the query are redacted.
    """
    if not is_graphql:
        return as_obj(_redact_value(dict(body)))
    result = as_obj(_redact_value({name: value for name, value in body.items() if name not in ("query", "variables")}))
    result["query"] = _STRING_LITERAL.sub(f'"{REDACTED}"', str(body.get("query", "")))
    result["variables"] = _redact_value(as_obj(body.get("variables")))
    return result


def _redact_value(value: object, is_secret: bool = False) -> object:
    if isinstance(value, dict):
        return {
            name: _redact_value(
                below,
                is_secret or name == "variables" or (bool(_SECRET_NAME.search(name)) and name not in _PUBLIC_NAMES),
            )
            for name, below in as_obj(value).items()  # pyright: ignore[reportUnknownArgumentType]
        }
    if isinstance(value, list):
        return [_redact_value(below, is_secret) for below in as_list(value)]  # pyright: ignore[reportUnknownArgumentType]
    return REDACTED if is_secret and value is not None else value
