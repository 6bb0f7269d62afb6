"""The routes of the deployment's webhooks, below /webhooks of the Services API."""

from typing import Annotated, Literal, NotRequired, get_args

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict
from typing_extensions import TypedDict

from ...agent import Timestamp
from ...db.webhook_deliveries import DeliveryStatus
from ...db.webhook_outbox import FLEET, FleetEvent
from ...lifecycle.list_parameters import parse_choice, parse_page_request
from ...webhooks import registration
from ...webhooks.registration import Response, WebhookChanges
from ..lambda_adapter import get_gateway_event
from ..webhook_models import LIST_OF_EVENTS, Description, WebhookUrl, distinct, read_idempotency_key
from .parameters import CURSOR_SCHEMA, KNOWN_PARAMETERS, LIMIT_SCHEMA, PathId, describe_query
from .route_spec import describe_route

__all__ = ["add_routes"]

Events = Annotated[list[FleetEvent], AfterValidator(distinct), LIST_OF_EVENTS]
_STATUSES = get_args(DeliveryStatus)


class NewFleetWebhook(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    url: WebhookUrl
    events: Events
    description: Description | None = None


class FleetWebhookChanges(BaseModel):
    """What is not there stays as it is. An empty `description` is removed."""

    model_config = ConfigDict(strict=True, extra="forbid")

    url: WebhookUrl | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = None


class FleetWebhook(TypedDict):
    """`disabledReason` is there where it was disabled by itself; `failingSince` while no attempt succeeds."""

    id: str
    url: str
    events: list[FleetEvent]
    description: str | None
    enabled: bool
    disabledReason: str | None
    failingSince: Timestamp | None
    createdAt: Timestamp
    updatedAt: Timestamp


class FleetWebhookWithSecret(FleetWebhook):
    """`secret` is shown here only."""

    secret: str


class FleetWebhookPage(TypedDict):
    """The newest first; `nextCursor` is there if there are more."""

    webhooks: list[FleetWebhook]
    nextCursor: NotRequired[str]


class FleetWebhookDeleted(TypedDict):
    id: str
    deleted: Literal[True]


class FleetDelivery(TypedDict):
    """A message to a webhook; `id` is its header `webhook-id`. `responseStatus` and `error` are of the last attempt."""

    id: str
    webhookId: str
    type: FleetEvent | Literal["webhook.test"]
    status: DeliveryStatus
    attempts: int
    responseStatus: int | None
    error: str | None
    nextAttemptAt: Timestamp | None
    createdAt: Timestamp
    updatedAt: Timestamp


class FleetDeliveryPage(TypedDict):
    """The newest first; `nextCursor` is there if there are more."""

    deliveries: list[FleetDelivery]
    nextCursor: NotRequired[str]


_NEW = describe_route(FleetWebhookWithSecret, 400, 409, 413, 503, has_own_idempotency=True)
_ONE = describe_route(FleetWebhook, 400, 404, 503)
_CHANGED = describe_route(FleetWebhook, 400, 404, 409, 413, 503, has_own_idempotency=True)
_DELETED = describe_route(FleetWebhookDeleted, 400, 404, 409, 503, has_own_idempotency=True)
_ROTATED = describe_route(FleetWebhookWithSecret, 400, 404, 409, 503, has_own_idempotency=True)
_SENT = describe_route(FleetDelivery, 400, 404, 409, 503, has_own_idempotency=True)
_TESTED = describe_route(FleetDelivery, 400, 404, 409, 429, 503, has_own_idempotency=True)


def add_routes(app: FastAPI) -> None:
    """Add the routes to an app of the Services API."""

    @app.get(
        "/webhooks", summary="List the deployment's webhooks", dependencies=[KNOWN_PARAMETERS],
        openapi_extra=describe_route(FleetWebhookPage, 400, 503),
    )  # fmt: skip
    async def list_fleet_webhooks(
        cursor: Annotated[str | None, describe_query(CURSOR_SCHEMA)] = None,
        limit: Annotated[str | None, describe_query(LIMIT_SCHEMA)] = None,
    ) -> JSONResponse:
        return JSONResponse(registration.list_webhooks(FLEET, *parse_page_request(cursor, limit)))

    @app.post("/webhooks", summary="Register a webhook of the deployment", openapi_extra=_NEW)
    async def create_fleet_webhook(body: NewFleetWebhook, request: Request) -> JSONResponse:
        return _respond(registration.create(_ask(request), body.url, body.events, body.description or None))

    @app.get("/webhooks/{webhookId}", summary="A webhook of the deployment", openapi_extra=_ONE)
    async def get_fleet_webhook(webhookId: PathId) -> JSONResponse:
        return JSONResponse(registration.get(FLEET, webhookId))

    @app.patch("/webhooks/{webhookId}", summary="Change a webhook of the deployment", openapi_extra=_CHANGED)
    async def update_fleet_webhook(webhookId: PathId, body: FleetWebhookChanges, request: Request) -> JSONResponse:
        changes = WebhookChanges(body.url, body.events, body.description, body.enabled)
        return _respond(registration.update(_ask(request), webhookId, changes))

    @app.delete("/webhooks/{webhookId}", summary="Delete a webhook of the deployment", openapi_extra=_DELETED)
    async def delete_fleet_webhook(webhookId: PathId, request: Request) -> JSONResponse:
        return _respond(registration.delete(_ask(request), webhookId))

    @app.post("/webhooks/{webhookId}/rotate-secret", summary="Give a webhook another secret", openapi_extra=_ROTATED)
    async def rotate_fleet_webhook_secret(webhookId: PathId, request: Request) -> JSONResponse:
        return _respond(registration.rotate_secret(_ask(request), webhookId))

    @app.post("/webhooks/{webhookId}/test", summary="Send a webhook a test message", openapi_extra=_TESTED)
    async def test_fleet_webhook(webhookId: PathId, request: Request) -> JSONResponse:
        return _respond(registration.send_test(_ask(request), webhookId))

    @app.get(
        "/webhooks/{webhookId}/deliveries", summary="List a webhook's deliveries", dependencies=[KNOWN_PARAMETERS],
        openapi_extra=describe_route(FleetDeliveryPage, 400, 404, 503),
    )  # fmt: skip
    async def list_fleet_deliveries(
        webhookId: PathId,
        status: Annotated[str | None, describe_query({"type": "string", "enum": list(_STATUSES)})] = None,
        cursor: Annotated[str | None, describe_query(CURSOR_SCHEMA)] = None,
        limit: Annotated[str | None, describe_query(LIMIT_SCHEMA)] = None,
    ) -> JSONResponse:
        wanted: DeliveryStatus | None = parse_choice("status", status, _STATUSES)  # type: ignore[assignment]
        page = parse_page_request(cursor, limit)
        return JSONResponse(registration.list_deliveries(FLEET, webhookId, wanted, page.after, page.limit))

    @app.post(
        "/webhooks/{webhookId}/deliveries/{deliveryId}/replay", summary="Send a delivery anew", openapi_extra=_SENT
    )
    async def replay_fleet_delivery(webhookId: PathId, deliveryId: PathId, request: Request) -> JSONResponse:
        return _respond(registration.replay(_ask(request), webhookId, deliveryId))


def _ask(request: Request) -> registration.Request:
    return registration.Request(FLEET, read_idempotency_key(get_gateway_event(request)))


def _respond(response: Response) -> JSONResponse:
    return JSONResponse(response.body, headers={"Idempotent-Replayed": "true"} if response.is_replay else None)
