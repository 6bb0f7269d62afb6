"""Registration of webhooks: what an owner does with the own ones, and with their deliveries, as JSON for both APIs.

A request with an idempotency key is made once: what it has done is stored with the key, in the transaction of the
change, and a repeat gets the same response, composed anew.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..db import audit_log, locks, webhook_deliveries, webhook_requests, webhooks
from ..db.audit_log import Action
from ..db.connection import Connection, run_in_transaction
from ..db.webhook_deliveries import DeliveryStatus
from ..db.webhook_outbox import FLEET
from ..db.webhooks import Webhook
from ..errors import Conflict, NotFound, RateLimited, WebhookLimitReached
from ..list_cursor import ListCursor
from ..settings.webhooks import load_webhook_signing_keys
from .responses import format_delivery, format_page, format_webhook
from .signatures import derive_secret, format_secret

__all__ = [
    "MAX_OF_FLEET",
    "MAX_OF_USER",
    "MAX_TESTS_A_MINUTE",
    "Request",
    "Response",
    "WebhookChanges",
    "create",
    "delete",
    "get",
    "list_deliveries",
    "list_webhooks",
    "replay",
    "rotate_secret",
    "send_test",
    "update",
]

MAX_OF_USER = 10
MAX_OF_FLEET = 20
MAX_TESTS_A_MINUTE = 10
"""Of one webhook, so that nobody lets us flood another's address."""

Done = dict[str, Any]
"""What a request has done: `webhookId`, and `secretVersion` or `deliveryId`."""


class Request(NamedTuple):
    """Who asks, and the idempotency key if there is one. `owner` is `webhook_outbox.FLEET` or a user's."""

    owner: str
    key: str | None = None


class Response(NamedTuple):
    """The JSON of a response; `is_replay` if an earlier request with the key made the change."""

    body: dict[str, object]
    is_replay: bool


@dataclass(frozen=True, slots=True)
class WebhookChanges:
    """What is changed of a webhook; a member that is None stays, an empty description is removed."""

    url: str | None = None
    events: Sequence[str] | None = None
    description: str | None = None
    enabled: bool | None = None


def create(request: Request, url: str, events: Sequence[str], description: str | None) -> Response:
    """Register a webhook. The response has its secret, which no other one but a rotation's has.

    Args:
        request: who asks.
        url: an address that `targets.check_url` accepts.
        events: types of events that the owner may have, none twice.
        description: what it is for.

    Raises:
        WebhookLimitReached: the owner has as many as are allowed.
        IdempotencyKeyReused: the key came with another request.
        MissingSetting: the deployment has no signing key.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    keys, webhook_id = load_webhook_signing_keys(), f"wh_{uuid.uuid4().hex}"

    def insert(db: Connection) -> Done:
        if webhooks.get(db, webhook_id, request.owner) is None:  # Else the retry of a commit whose response was lost.
            locks.lock_webhooks(db, request.owner)
            allowed = MAX_OF_FLEET if request.owner == FLEET else MAX_OF_USER
            if webhooks.count(db, request.owner) >= allowed:
                raise WebhookLimitReached(f"There are {allowed} webhooks, and no more are allowed: delete one first")
            webhook = webhooks.insert(db, webhook_id, request.owner, url, events, description)
            _audit(db, "webhook.create", webhook)
        return {"webhookId": webhook_id, "secretVersion": 1}

    def show(db: Connection, done: Done) -> dict[str, object]:
        return _show_with_secret(db, request, done, keys[0])

    return _change_once(request, ["create", url, list(events), description], insert, show)


def list_webhooks(owner: str, after: ListCursor | None, limit: int) -> dict[str, object]:
    """List a page of the owner's webhooks, the newest first, as `webhooks` and `nextCursor`."""
    found = run_in_transaction(webhooks.list_newest, owner, after, limit + 1)
    return format_page("webhooks", [format_webhook(webhook) for webhook in found], found, limit)


def get(owner: str, webhook_id: str) -> dict[str, object]:
    """Return the owner's webhook. Raises NotFound."""
    return format_webhook(run_in_transaction(_find, owner, webhook_id))


def update(request: Request, webhook_id: str, changes: WebhookChanges) -> Response:
    """Change the owner's webhook. When it is disabled, what waits for delivery has failed; it can be replayed.

    Raises:
        NotFound: the owner has no such webhook.
        IdempotencyKeyReused, DatabaseUnavailable: as `create` does.
    """

    def change(db: Connection) -> Done:
        webhook = _lock(db, request.owner, webhook_id)
        description = webhook.description if changes.description is None else changes.description or None
        enabled = webhook.is_enabled if changes.enabled is None else changes.enabled
        changed = webhooks.update(
            db, webhook, changes.url or webhook.url, changes.events or webhook.events, description, enabled
        )
        if not enabled:
            webhook_deliveries.fail_pending(db, webhook_id, "The webhook was disabled")
        _audit(db, "webhook.update", changed)
        return {"webhookId": webhook_id}

    asked = ["update", webhook_id, changes.url, list(changes.events or ()), changes.description, changes.enabled]
    return _change_once(request, asked, change, lambda db, _done: format_webhook(_find(db, request.owner, webhook_id)))


def delete(request: Request, webhook_id: str) -> Response:
    """Delete the owner's webhook with its deliveries. Raises as `update` does."""

    def remove(db: Connection) -> Done:
        _audit(db, "webhook.delete", _lock(db, request.owner, webhook_id))
        webhooks.delete(db, webhook_id, request.owner)
        return {"webhookId": webhook_id}

    return _change_once(request, ["delete", webhook_id], remove, lambda _db, _done: {"id": webhook_id, "deleted": True})


def rotate_secret(request: Request, webhook_id: str) -> Response:
    """Give the owner's webhook another secret, which the response has. The one before signs too for 24 hours.

    Raises:
        NotFound: the owner has no such webhook.
        MissingSetting, IdempotencyKeyReused, DatabaseUnavailable: as `create` does.
    """
    keys, new_version = load_webhook_signing_keys(), 0

    def rotate(db: Connection) -> Done:
        nonlocal new_version
        webhook = _lock(db, request.owner, webhook_id)
        # A retry of a commit whose response was lost must not rotate again: the secret in use would not sign any more.
        if webhook.secret_version != new_version:
            new_version = webhooks.rotate_secret(db, webhook).secret_version
            _audit(db, "webhook.rotate_secret", webhook)
        return {"webhookId": webhook_id, "secretVersion": new_version}

    def show(db: Connection, done: Done) -> dict[str, object]:
        return _show_with_secret(db, request, done, keys[0])

    return _change_once(request, ["rotate", webhook_id], rotate, show)


def send_test(request: Request, webhook_id: str) -> Response:
    """Add a delivery of the event `webhook.test`, and return it.

    Raises:
        NotFound: the owner has no such webhook.
        Conflict: it is disabled.
        RateLimited: it has had 10 tests within a minute.
        IdempotencyKeyReused, DatabaseUnavailable: as `create` does.
    """
    delivery_id = f"msg_{uuid.uuid4().hex}"

    def insert(db: Connection) -> Done:
        _require_enabled(_lock(db, request.owner, webhook_id))
        if webhook_deliveries.get(db, delivery_id, webhook_id) is None:
            if webhook_deliveries.count_recent_tests(db, webhook_id) >= MAX_TESTS_A_MINUTE:
                raise RateLimited(f"A webhook has at most {MAX_TESTS_A_MINUTE} tests a minute", retry_after=60)
            webhook_deliveries.insert_test(db, delivery_id, webhook_id)
        return {"webhookId": webhook_id, "deliveryId": delivery_id}

    return _change_once(request, ["test", webhook_id], insert, lambda db, done: _show_delivery(db, request, done))


def list_deliveries(
    owner: str, webhook_id: str, status: DeliveryStatus | None, after: ListCursor | None, limit: int
) -> dict[str, object]:
    """List a page of a webhook's deliveries, the newest first, as `deliveries` and `nextCursor`. Raises NotFound."""

    def read(db: Connection) -> list[webhook_deliveries.Delivery]:
        _find(db, owner, webhook_id)
        return webhook_deliveries.list_newest(db, webhook_id, status, after, limit + 1)

    found = run_in_transaction(read)
    return format_page("deliveries", [format_delivery(delivery) for delivery in found], found, limit)


def replay(request: Request, webhook_id: str, delivery_id: str) -> Response:
    """Let a delivery be sent anew, under the same id, whatever has become of it; return it.

    Raises:
        NotFound: the owner has no such webhook, or the webhook no such delivery.
        Conflict: the webhook is disabled.
        IdempotencyKeyReused, DatabaseUnavailable: as `create` does.
    """

    def restart(db: Connection) -> Done:
        _require_enabled(_lock(db, request.owner, webhook_id))
        if not webhook_deliveries.replay(db, delivery_id, webhook_id):
            raise _delivery_not_found(delivery_id)
        return {"webhookId": webhook_id, "deliveryId": delivery_id}

    return _change_once(
        request, ["replay", webhook_id, delivery_id], restart, lambda db, done: _show_delivery(db, request, done)
    )


def _change_once(
    request: Request,
    asked: Sequence[object],
    change: Callable[[Connection], Done],
    show: Callable[[Connection, Done], dict[str, object]],
) -> Response:
    """Make a change, unless a request with the same key has made it, and show what there is now."""
    fingerprint = hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def run(db: Connection) -> Response:
        done = webhook_requests.claim_key(db, request.owner, request.key, fingerprint) if request.key else None
        if done is not None:
            return Response(show(db, done), is_replay=True)
        done = change(db)
        if request.key:
            webhook_requests.record_result(db, request.owner, request.key, done)
        return Response(show(db, done), is_replay=False)

    return run_in_transaction(run)


def _find(db: Connection, owner: str, webhook_id: str) -> Webhook:
    webhook = webhooks.get(db, webhook_id, owner)
    if webhook is None:
        raise _webhook_not_found(webhook_id)
    return webhook


def _lock(db: Connection, owner: str, webhook_id: str) -> Webhook:
    webhook = webhooks.lock_for_update(db, webhook_id, owner)
    if webhook is None:
        raise _webhook_not_found(webhook_id)
    return webhook


def _webhook_not_found(webhook_id: str) -> NotFound:
    return NotFound(f"There is no webhook {webhook_id[:128]}")


def _delivery_not_found(delivery_id: str) -> NotFound:
    return NotFound(f"The webhook has no delivery {delivery_id[:128]}")


def _require_enabled(webhook: Webhook) -> None:
    if not webhook.is_enabled:
        raise Conflict("The webhook is disabled: enable it first")


def _show_with_secret(db: Connection, request: Request, done: Mapping[str, Any], key: str) -> dict[str, object]:
    webhook = _find(db, request.owner, done["webhookId"])
    secret = format_secret(derive_secret(key, webhook.id, done["secretVersion"]))
    return {**format_webhook(webhook), "secret": secret}


def _show_delivery(db: Connection, request: Request, done: Mapping[str, Any]) -> dict[str, object]:
    _find(db, request.owner, done["webhookId"])
    delivery = webhook_deliveries.get(db, done["deliveryId"], done["webhookId"])
    if delivery is None:
        raise _delivery_not_found(done["deliveryId"])
    return format_delivery(delivery)


def _audit(db: Connection, action: Action, webhook: Webhook) -> None:
    # The host only: path and query of an address may hold a token.
    details = {"host": urlsplit(webhook.url).hostname, "events": webhook.events, "enabled": webhook.is_enabled}
    audit_log.record(db, action, "webhook", webhook.id, "succeeded", details=details)
