"""Request and response values of a simulated provider, and the validation of bodies and queries."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from starlette.responses import Response

Obj = dict[str, object]
"""A JSON object."""


@dataclass(frozen=True)
class Reply:
    """A response before serialization. `text` takes precedence over `body`; without both the response is empty."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    text: str | None = None
    media_type: str | None = "application/json"

    def to_response(self) -> Response:
        """Serialize to a Starlette response; `body` becomes compact JSON."""
        if self.text is not None:
            return Response(self.text, self.status, dict(self.headers), self.media_type)
        if self.body is None:
            return Response(None, self.status, dict(self.headers))
        content = json.dumps(self.body, separators=(",", ":"))
        return Response(content, self.status, dict(self.headers), self.media_type)

    def with_headers(self, headers: Mapping[str, str]) -> "Reply":
        """Return a copy with these headers added; they replace headers of the same name."""
        return replace(self, headers={**self.headers, **headers})


@dataclass(frozen=True)
class ApiCall:
    """One request to a provider. `now` is the time of its execution, after any latency (seconds since the epoch)."""

    operation: str
    path_params: Mapping[str, str]
    query_params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: Obj
    now: float

    def param(self, name: str) -> str | None:
        """Return the last value of a query parameter, or None; of a repeated parameter only the last value counts."""
        return dict(self.query_params).get(name)


def to_iso(timestamp: float | None) -> str | None:
    """Format seconds since the epoch as providers do: ISO 8601, UTC, milliseconds, `Z`."""
    if timestamp is None:
        return None
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_obj(value: object) -> Obj:
    """Return the value if it is a JSON object, else an empty object."""
    return cast(Obj, value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """Return the value if it is a JSON array, else an empty array."""
    return cast(list[object], value) if isinstance(value, list) else []


def as_str(value: object) -> str | None:
    """Return the value if it is a string, else None."""
    return value if isinstance(value, str) else None


FieldTypes = Mapping[str, tuple[type, ...]]
"""Maps a field name to the Python types that its JSON value may have."""

TEXT: tuple[type, ...] = (str,)
TEXT_OR_NULL: tuple[type, ...] = (str, type(None))
NUMBER_OR_NULL: tuple[type, ...] = (int, float, type(None))
FLAG: tuple[type, ...] = (bool,)
OBJECT_OR_NULL: tuple[type, ...] = (dict, type(None))
LIST: tuple[type, ...] = (list,)


def find_body_errors(
    body: Mapping[str, object], field_types: FieldTypes, required: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """Find unknown fields, missing fields and wrong types in a body.

    Args:
        body: The request body.
        field_types: Every field that the provider accepts; any other field is an error.
        required: Names of the fields that must be present.

    Returns:
        One (field, message) pair per error; empty for a valid body.
    """
    errors = [(name, "is required") for name in required if name not in body]
    for name, value in body.items():
        if name not in field_types:
            errors.append((name, "is not a known field"))
        elif not isinstance(value, field_types[name]) or (isinstance(value, bool) and bool not in field_types[name]):
            errors.append((name, "has the wrong type"))
    return errors


def find_query_errors(query: Iterable[tuple[str, str]], allowed: Iterable[str]) -> list[tuple[str, str]]:
    """Find query parameters that are not allowed, as (parameter, message) pairs."""
    known = set(allowed)
    return [(name, "is not a known parameter") for name, _ in query if name not in known]
