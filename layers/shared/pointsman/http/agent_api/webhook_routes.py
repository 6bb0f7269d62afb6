"""The routes of a user's webhooks, below /webhooks of the Agent API."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from ...agent.validation import validate_input
from ...db.webhook_outbox import user_owner
from ...errors import InvalidInput, InvalidToolInput, Issue
from ...list_cursor import parse_cursor
from ...webhooks import registration
from ...webhooks.registration import Response
from ..lambda_adapter import get_gateway_event
from ..webhook_models import read_idempotency_key
from .app import get_user_id, read_json_body
from .route_spec import describe_agent_route
from .webhook_models import (
    Delivery,
    DeliveryList,
    DeliveryQuery,
    NewWebhook,
    Webhook,
    WebhookChanges,
    WebhookDeleted,
    WebhookList,
    WebhookQuery,
    WebhookWithSecret,
)

__all__ = ["add_routes"]

_READ = ("VALIDATION_ERROR", "NOT_FOUND", "DATABASE_UNAVAILABLE")
_WRITE = (*_READ, "IDEMPOTENCY_KEY_REUSED")


def add_routes(app: FastAPI) -> None:
    """Add the routes to an app of the Agent API."""

    @app.get(
        "/webhooks", summary="List your webhooks",
        openapi_extra=describe_agent_route(
            WebhookList, "VALIDATION_ERROR", "DATABASE_UNAVAILABLE", query_model=WebhookQuery
        ),
    )  # fmt: skip
    async def list_webhooks(request: Request) -> JSONResponse:
        query = validate_input(WebhookQuery, dict(request.query_params), "The query")
        owner = user_owner(get_user_id(request))
        return JSONResponse(registration.list_webhooks(owner, parse_cursor(query.cursor), query.limit))

    @app.post(
        "/webhooks", summary="Register a webhook for your prompts",
        openapi_extra=describe_agent_route(
            WebhookWithSecret, "VALIDATION_ERROR", "WEBHOOK_LIMIT", "IDEMPOTENCY_KEY_REUSED", "DATABASE_UNAVAILABLE",
            request_model=NewWebhook, accepts_idempotency_key=True,
        ),
    )  # fmt: skip
    async def create_webhook(request: Request) -> JSONResponse:
        body = validate_input(NewWebhook, await read_json_body(request), "The webhook")
        return _respond(registration.create(_ask(request), body.url, body.events, body.description or None))

    @app.get(
        "/webhooks/{webhookId}", summary="One of your webhooks",
        openapi_extra=describe_agent_route(Webhook, "NOT_FOUND", "DATABASE_UNAVAILABLE"),
    )  # fmt: skip
    async def get_webhook(webhookId: str, request: Request) -> JSONResponse:
        return JSONResponse(registration.get(user_owner(get_user_id(request)), webhookId))

    @app.patch(
        "/webhooks/{webhookId}", summary="Change one of your webhooks",
        openapi_extra=describe_agent_route(
            Webhook, *_WRITE, request_model=WebhookChanges, accepts_idempotency_key=True
        ),
    )  # fmt: skip
    async def update_webhook(webhookId: str, request: Request) -> JSONResponse:
        body = validate_input(WebhookChanges, await read_json_body(request), "The change")
        changes = registration.WebhookChanges(body.url, body.events, body.description, body.enabled)
        return _respond(registration.update(_ask(request), webhookId, changes))

    @app.delete(
        "/webhooks/{webhookId}", summary="Delete one of your webhooks",
        openapi_extra=describe_agent_route(WebhookDeleted, *_WRITE, accepts_idempotency_key=True, has_no_body=True),
    )  # fmt: skip
    async def delete_webhook(webhookId: str, request: Request) -> JSONResponse:
        return _respond(registration.delete(_ask(request), webhookId))

    @app.post(
        "/webhooks/{webhookId}/rotate-secret", summary="Give one of your webhooks another secret",
        openapi_extra=describe_agent_route(WebhookWithSecret, *_WRITE, accepts_idempotency_key=True, has_no_body=True),
    )  # fmt: skip
    async def rotate_webhook_secret(webhookId: str, request: Request) -> JSONResponse:
        return _respond(registration.rotate_secret(_ask(request), webhookId))

    @app.post(
        "/webhooks/{webhookId}/test", summary="Send one of your webhooks a test message",
        openapi_extra=describe_agent_route(
            Delivery, *_WRITE, "CONFLICT", "RATE_LIMITED", accepts_idempotency_key=True, has_no_body=True
        ),
    )  # fmt: skip
    async def test_webhook(webhookId: str, request: Request) -> JSONResponse:
        return _respond(registration.send_test(_ask(request), webhookId))

    @app.get(
        "/webhooks/{webhookId}/deliveries", summary="List the deliveries of one of your webhooks",
        openapi_extra=describe_agent_route(DeliveryList, *_READ, query_model=DeliveryQuery),
    )  # fmt: skip
    async def list_deliveries(webhookId: str, request: Request) -> JSONResponse:
        query = validate_input(DeliveryQuery, dict(request.query_params), "The query")
        owner, after = user_owner(get_user_id(request)), parse_cursor(query.cursor)
        return JSONResponse(registration.list_deliveries(owner, webhookId, query.status, after, query.limit))

    @app.post(
        "/webhooks/{webhookId}/deliveries/{deliveryId}/replay", summary="Send a delivery anew",
        openapi_extra=describe_agent_route(
            Delivery, *_WRITE, "CONFLICT", accepts_idempotency_key=True, has_no_body=True
        ),
    )  # fmt: skip
    async def replay_delivery(webhookId: str, deliveryId: str, request: Request) -> JSONResponse:
        return _respond(registration.replay(_ask(request), webhookId, deliveryId))


def _ask(request: Request) -> registration.Request:
    """Return who asks, and the idempotency key.

    Raises:
        InvalidToolInput: the key breaks the rule for keys.
    """
    try:
        key = read_idempotency_key(get_gateway_event(request))
    except InvalidInput as error:
        issue: Issue = {"path": ["Idempotency-Key"], "message": error.message}
        raise InvalidToolInput("The request is not valid", [issue]) from None
    return registration.Request(user_owner(get_user_id(request)), key)


def _respond(response: Response) -> JSONResponse:
    return JSONResponse(response.body, headers={"Idempotent-Replayed": "true"} if response.is_replay else None)
