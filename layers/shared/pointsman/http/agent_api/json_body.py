"""JSON request bodies of the Agent API, parsed without a web framework."""

import json

from ...errors import InvalidToolInput
from ..common import INVALID_JSON_MESSAGE

__all__ = ["parse_json_body"]


def parse_json_body(raw: bytes) -> object:
    """Parse a body as JSON, whatever its Content-Type. An empty body is an empty object.

    NaN and Infinity, which Python's parser accepts, are rejected: JSON has neither (RFC 8259, section 6).

    Raises:
        InvalidToolInput: the body is not JSON.
    """
    if not raw.strip():
        return {}
    try:
        return json.loads(raw, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise InvalidToolInput(INVALID_JSON_MESSAGE, [{"path": [], "message": INVALID_JSON_MESSAGE}]) from None


def _reject_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
