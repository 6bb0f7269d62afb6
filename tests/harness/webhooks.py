"""Webhooks of a test: registration, events without the change that they tell of, and the deliveries."""

from typing import Any

import httpx
from standardwebhooks.webhooks import Webhook as StandardWebhook

from pointsman.db.connection import run_in_transaction
from pointsman.db.webhook_outbox import emit_event

from .database import Database
from .webhook_receiver import Message

DELIVERY_FUNCTION = "WebhookDeliveryFunction"


def register(client: httpx.Client, url: str, *events: str) -> dict[str, Any]:
    response = client.post("/webhooks", json={"url": url, "events": list(events)})
    assert response.status_code == 200, response.text
    return response.json()


def emit(user_id: str, number: int = 1) -> None:
    for index in range(number):
        data = {"promptId": f"prompt-{index}", "status": "failed"}
        run_in_transaction(emit_event, user_id, "prompt.failed", data)


def user_of(agent: httpx.Client) -> str:
    return agent.headers["X-User-Id"]


def deliveries(client: httpx.Client, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    return client.get(f"/webhooks/{webhook['id']}/deliveries", params=query).json()["deliveries"]


def make_due(db: Database) -> None:
    db.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'")


def verify(message: Message, secret: str) -> Any:
    return StandardWebhook(secret).verify(message.body, message.headers)
