"""What both APIs take of a request about webhooks: the members of bodies, and the idempotency key.

The rules are those of `pointsman.webhooks`; a wrong value becomes each API's own kind of error.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from ..errors import InvalidInput
from ..settings.webhooks import load_allows_loopback
from ..webhooks.targets import MAX_URL_CHARS, URL_PATTERN, URL_RULE, check_url
from .common import IDEMPOTENCY_KEY_PATTERN, IDEMPOTENCY_KEY_RULE, GatewayEvent

__all__ = ["LIST_OF_EVENTS", "MAX_DESCRIPTION_CHARS", "Description", "WebhookUrl", "distinct", "read_idempotency_key"]

MAX_DESCRIPTION_CHARS = 200


def _check_url(url: str) -> str:
    return check_url(url, allows_loopback=load_allows_loopback())


WebhookUrl = Annotated[
    str,
    AfterValidator(_check_url),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_URL_CHARS,
            "pattern": URL_PATTERN,
            "description": f"It {URL_RULE}",
            "examples": ["https://example.org/hooks/pointsman"],
        }
    ),
]
"""The address that messages are sent to."""


Description = Annotated[
    str,
    Field(max_length=MAX_DESCRIPTION_CHARS, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", examples=["Tells the on-call bot"]),
]
"""What a webhook is for."""

LIST_OF_EVENTS = Field(json_schema_extra={"minItems": 1, "uniqueItems": True})
"""What the document says of a list that `distinct` validates."""


def distinct(values: list[Any]) -> list[Any]:
    """Return the values. Raises ValueError if there is none, or one is repeated."""
    if not values or len(set(values)) < len(values):
        raise ValueError("must name at least one event, and none twice")
    return values


def read_idempotency_key(event: GatewayEvent) -> str | None:
    """Return the request's idempotency key; None without one. Raises InvalidInput if it breaks the rule for keys."""
    headers: dict[str, str] = event.get("headers") or {}
    key = next((value for name, value in headers.items() if name.lower() == "idempotency-key"), None)
    if key is not None and not IDEMPOTENCY_KEY_PATTERN.fullmatch(key):
        raise InvalidInput(f"Idempotency-Key must be {IDEMPOTENCY_KEY_RULE}")
    return key
