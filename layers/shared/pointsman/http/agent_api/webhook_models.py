"""Bodies of requests and responses about a user's webhooks, as types for the routes and the OpenAPI document."""

# ruff: noqa: D101 - a docstring here becomes a description in the OpenAPI documents

from typing import Annotated, Literal, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from ...agent import Input, Timestamp
from ...db.webhook_deliveries import DeliveryStatus
from ...db.webhook_outbox import UserEvent
from ...list_cursor import CURSOR_PATTERN
from ..webhook_models import LIST_OF_EVENTS, Description, WebhookUrl, distinct

__all__ = [
    "Delivery",
    "DeliveryList",
    "DeliveryQuery",
    "NewWebhook",
    "Webhook",
    "WebhookChanges",
    "WebhookDeleted",
    "WebhookList",
    "WebhookQuery",
    "WebhookWithSecret",
]

Events = Annotated[list[UserEvent], AfterValidator(distinct), LIST_OF_EVENTS]


class NewWebhook(Input):
    url: WebhookUrl
    events: Events
    description: Description | None = None


class WebhookChanges(Input):
    """What is not there stays as it is. An empty `description` is removed."""

    url: WebhookUrl | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = None


class Webhook(TypedDict):
    """`disabledReason` is there where it was disabled by itself; `failingSince` while no attempt succeeds."""

    id: str
    url: str
    events: list[UserEvent]
    description: str | None
    enabled: bool
    disabledReason: str | None
    failingSince: Timestamp | None
    createdAt: Timestamp
    updatedAt: Timestamp


class WebhookWithSecret(Webhook):
    """`secret` is shown here only."""

    secret: str


class WebhookList(TypedDict):
    """The newest first; `nextCursor` is there if there are more."""

    webhooks: list[Webhook]
    nextCursor: NotRequired[str]


class WebhookDeleted(TypedDict):
    id: str
    deleted: Literal[True]


class Delivery(TypedDict):
    """A message to a webhook; `id` is its header `webhook-id`. `responseStatus` and `error` are of the last attempt."""

    id: str
    webhookId: str
    type: UserEvent | Literal["webhook.test"]
    status: DeliveryStatus
    attempts: int
    responseStatus: int | None
    error: str | None
    nextAttemptAt: Timestamp | None
    createdAt: Timestamp
    updatedAt: Timestamp


class DeliveryList(TypedDict):
    """The newest first; `nextCursor` is there if there are more."""

    deliveries: list[Delivery]
    nextCursor: NotRequired[str]


class WebhookQuery(Input):
    limit: int = Field(default=50, ge=1, le=100, strict=False)
    cursor: str = Field(default="", pattern=f"^({CURSOR_PATTERN.pattern})?$")


class DeliveryQuery(WebhookQuery):
    status: DeliveryStatus | None = None
