"""Following a prompt until it ends, waits for a person, or the request has waited long enough."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from ..prompts.event_subscription import BEGINNING, EventPosition, EventSubscription, StreamEvent
from ..prompts.queries import PromptView, get_prompt
from ..prompts.stream_lease import StreamLease
from ..prompts.submission import SubmittedPrompt, start_prompt
from ..settings.prompts import StreamSettings
from .exchange import Exchange

__all__ = ["Followed", "follow", "start_and_follow"]

_MAX_MESSAGE_CHARS = 300


class Followed(NamedTuple):
    """A prompt as it was when following it stopped; `seq` is the number of its last event by then."""

    view: PromptView
    seq: int


async def start_and_follow(exchange: Exchange, submit: Callable[[], SubmittedPrompt]) -> Followed:
    """Submit a prompt, start it and follow it. A client that goes away leaves it running.

    Raises:
        QuotaExceeded: the user follows as many prompts as a user may, or may not submit another one.
        PointsmanError: what `submit` raises.
        OSError: the client is gone.
    """
    lease = StreamLease.acquire(exchange.user_id, None)
    try:
        submitted = submit()
        lease.prompt_id = submitted.id
        subscription = EventSubscription.open_before_start(
            exchange.user_id, submitted, BEGINNING, include_call_events=True
        )
        try:
            start_prompt(submitted)
            return await _follow(exchange, subscription, lease)
        finally:
            subscription.close()
    finally:
        lease.release()


async def follow(exchange: Exchange, prompt_id: str, seq: int = 0) -> Followed:
    """Follow a prompt of the user after its event `seq`.

    Raises:
        PromptNotFound: the user has no such prompt.
        QuotaExceeded: the user follows as many prompts as a user may.
        OSError: the client is gone.
    """
    lease = StreamLease.acquire(exchange.user_id, prompt_id)
    try:
        subscription = EventSubscription(exchange.user_id, prompt_id, EventPosition(seq), include_call_events=True)
        try:
            return await _follow(exchange, subscription, lease)
        finally:
            subscription.close()
    finally:
        lease.release()


async def _follow(exchange: Exchange, subscription: EventSubscription, lease: StreamLease) -> Followed:
    user_id, prompt_id = exchange.user_id, subscription.prompt_id
    heartbeat_seconds = StreamSettings.load().heartbeat_interval
    events = subscription.replay()
    while True:
        heartbeat_at = time.monotonic() + heartbeat_seconds
        for event in events:
            if event.position is not None:
                await exchange.report_progress(_measure_progress(event.position), _describe(event))
        if any(event.event == "prompt.approval" for event in events):
            view = get_prompt(user_id, prompt_id)
            if view["status"] == "waiting":
                return Followed(view, subscription.position.seq)
        events = list[StreamEvent]()
        while not events:
            lease.renew_if_due()
            if subscription.has_ended or lease.is_lost or exchange.seconds_left() <= 0:
                return Followed(get_prompt(user_id, prompt_id), subscription.position.seq)
            idle = max(heartbeat_at - time.monotonic(), 0.0)
            events = await subscription.wait_for_events(
                min(idle, exchange.seconds_left(), lease.seconds_until_renewal())
            )
            if not events and time.monotonic() >= heartbeat_at:
                await exchange.emit(None)
                heartbeat_at = time.monotonic() + heartbeat_seconds


def _measure_progress(position: EventPosition) -> float:
    """Return a number that grows with each event: 3, and 3.001 for the first event of a call after it."""
    return position.seq + position.number / 1000


def _describe(event: StreamEvent) -> str:
    """Describe an event in one line for people."""
    data = cast("Mapping[str, Any]", event.data)
    match event.event:
        case "prompt.created":
            text = f"{data['promptId']} has begun"
        case "prompt.output" if data["type"] == "text":
            text = " ".join(str(data["content"]).split())
        case "prompt.output" if data["type"] == "tool":
            text = f"{data['function']}: {'done' if data['result']['type'] == 'success' else 'failed'}"
        case "prompt.call":
            text = f"{data['toolName']} runs"
        case "prompt.decided":
            text = str(data["decision"]).capitalize()
        case "prompt.approval":
            text = f"A person must approve {data['toolName']}"
        case "prompt.completed":
            text = "Completed"
        case "error":
            text = str(data["message"])
        case _:
            text = event.event
    return text if len(text) <= _MAX_MESSAGE_CHARS else text[: _MAX_MESSAGE_CHARS - 1] + "…"
