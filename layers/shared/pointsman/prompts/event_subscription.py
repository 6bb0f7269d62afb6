"""Event subscription: a prompt's stored events from any position on, and the model's text deltas.

Postgres notifies the prompt's channel of new events and deltas (`db.prompt_events`). A pooler may swallow
notifications, so the event log is polled as well; deltas come by notification only.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from ..db import call_events, prompt_events
from ..db.connection import Connection
from ..db.event_listener import EventListener
from ..db.prompt_events import EventPosition
from ..errors import DatabaseUnavailable, InvalidToolInput, PointsmanError
from ..settings.prompts import PromptSettings
from .prompt_execution import wake_if_stalled
from .queries import prompt_not_found
from .submission import SubmittedPrompt, build_created_data

__all__ = ["BEGINNING", "FINAL_EVENTS", "EventPosition", "EventSubscription", "StreamEvent"]

BEGINNING = EventPosition(0)
"""Before a prompt's first event."""

FINAL_EVENTS = ("prompt.completed", "error")
"""The types of a prompt's last event."""

_POLL_SECONDS, _POLL_SECONDS_WHEN_NOTIFIED = 0.5, 5.0
"""Seconds between two polls: by default, and once a notification has shown that notifications arrive."""

_LAST_NUMBER = 2**31 - 1
"""No event of a call has a higher number."""

_MIN_WAKE_INTERVAL = 1.0
"""Seconds between two attempts to wake a stalled prompt, at least."""


class StreamEvent(NamedTuple):
    """An event as the client gets it. `position` is None for `prompt.delta`, which is not stored."""

    event: str
    data: Mapping[str, object]
    position: EventPosition | None

    @property
    def is_of_call(self) -> bool:
        """Whether it is an event of a tool call (`db.call_events`)."""
        return self.position is not None and self.position.number > 0


class EventSubscription:
    """A user's subscription to the events of a prompt. It must be closed.

    Attributes:
        prompt_id: the prompt.
        position: of the last event that was returned; BEGINNING for none.
        has_ended: whether that was the final event.
    """

    def __init__(
        self,
        user_id: str,
        prompt_id: str,
        position: EventPosition,
        listener: EventListener | None = None,
        *,
        include_call_events: bool = False,
    ) -> None:
        """Subscribe after the event at `position`.

        Args:
            user_id: the subscriber.
            prompt_id: the user's prompt; `replay` checks that it is.
            position: of the last event that the client has; BEGINNING for none.
            listener: a listener that was opened before the prompt was started.
            include_call_events: whether the events of calls are returned too (`db.call_events`).
        """
        self.position = position
        self.has_ended = False
        self._include_call_events = include_call_events
        self.prompt_id = prompt_id
        self._user_id = user_id
        self._listener = listener or EventListener(prompt_id)
        self._poll_interval = _POLL_SECONDS
        self._next_poll_at = 0.0
        self._wake_interval = max(PromptSettings.load().stalled_seconds, _MIN_WAKE_INTERVAL)
        self._next_wake_at = 0.0
        self._is_new_prompt = listener is not None
        self._first_event: StreamEvent | None = None
        # Deltas are relayed from the start of a model turn only: joined, they are a prefix of the turn's text.
        self._is_relaying_text = False
        self._has_sent_text = False

    @classmethod
    def open_before_start(
        cls, user_id: str, submitted: SubmittedPrompt, position: EventPosition, *, include_call_events: bool = False
    ) -> "EventSubscription":
        """Subscribe to a prompt that is not started yet, so that all of its text is received."""
        listener = EventListener(submitted.id)
        with suppress(PointsmanError):  # Polling finds what no notification announces.
            listener.listen()
        subscription = cls(user_id, submitted.id, position, listener, include_call_events=include_call_events)
        if submitted.is_new and position == BEGINNING:
            data = build_created_data(submitted.id)
            subscription._first_event = StreamEvent("prompt.created", data, EventPosition(1))
        return subscription

    def replay(self) -> list[StreamEvent]:
        """Return the stored events after `position`. Call it once, before `wait_for_events`.

        A prompt that was just submitted has one event, which is not read.

        Raises:
            PromptNotFound: the user has no such prompt.
            InvalidToolInput: the prompt has no event at `position`.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        requested = self.position
        if self._first_event:
            events, self.position = [self._first_event], EventPosition(1)
        else:
            self.position = _find_previous(requested)
            events = self._read_events(include_call_events=self._include_call_events or requested.number > 0)
        if requested != BEGINNING and (not events or events[0].position != requested):
            issue = "There is no such event of this prompt"
            raise InvalidToolInput("Nothing can be resumed", [{"path": ["Last-Event-ID"], "message": issue}])
        now = time.monotonic()
        self._next_poll_at = now + _POLL_SECONDS
        # An older prompt may have lost its execution long ago, so it is checked at once.
        self._next_wake_at = now + (self._wake_interval if self._is_new_prompt else 0.0)
        new_events = events if requested == BEGINNING else events[1:]
        return [event for event in new_events if self._include_call_events or not event.is_of_call]

    async def wait_for_events(self, timeout: float) -> list[StreamEvent]:
        """Wait for the next events and deltas. While Postgres is away, it waits too.

        Args:
            timeout: seconds, after which the result is empty.

        Raises:
            PromptNotFound: the prompt does not exist any more.
        """
        deadline = time.monotonic() + timeout
        while True:
            events = self._read_notifications()
            if not events and time.monotonic() >= self._next_poll_at:
                events = self._poll()
                if not events:
                    # A notification that arrived during the query is in psycopg's buffer and wakes no socket.
                    continue
                self._poll_interval = _POLL_SECONDS  # No notification announced these events.
            now = time.monotonic()
            if events or now >= deadline:
                return events
            if now >= self._next_wake_at:
                self._wake_if_stalled()
                continue
            await self._listener.wait(max(min(deadline, self._next_poll_at, self._next_wake_at) - now, 0.0))

    def close(self) -> None:
        """Stop listening. The connection stays open."""
        self._listener.close()

    def _read_notifications(self) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for notification in self._listener.read_notifications():
            if "seq" in notification:
                self._poll_interval = _POLL_SECONDS_WHEN_NOTIFIED
                if self._is_new(EventPosition(notification["seq"], notification.get("number", 0))):
                    events += self._poll()
            elif notification.get("after") == self.position.seq and not self.has_ended:
                events += self._relay_delta(notification.get("text"))
        if not self._listener.is_connected:
            self._next_poll_at = min(self._next_poll_at, time.monotonic() + _POLL_SECONDS)
        return events

    def _is_new(self, position: EventPosition) -> bool:
        return position > self.position and (self._include_call_events or not position.number)

    def _relay_delta(self, text: str | None) -> list[StreamEvent]:
        """Relay a delta of the model's text, or None for the start of a turn."""
        if text is None:
            self._is_relaying_text = True
            return self._reset_text()
        if not self._is_relaying_text:
            return []
        self._has_sent_text = True
        return [StreamEvent("prompt.delta", {"promptId": self.prompt_id, "text": text}, None)]

    def _reset_text(self) -> list[StreamEvent]:
        """Let the client discard the deltas since the last event, if it has any."""
        if not self._has_sent_text:
            return []
        self._has_sent_text = False
        return [StreamEvent("prompt.delta", {"promptId": self.prompt_id, "text": "", "reset": True}, None)]

    def _poll(self) -> list[StreamEvent]:
        try:
            events = self._read_events(include_call_events=self._include_call_events)
        except DatabaseUnavailable:
            self._poll_interval = _POLL_SECONDS
            events = []
        self._next_poll_at = time.monotonic() + self._poll_interval
        return events

    def _read_events(self, *, include_call_events: bool) -> list[StreamEvent]:
        after, user_id, prompt_id = self.position, self._user_id, self.prompt_id

        def list_events(db: Connection) -> list[prompt_events.PromptEvent] | None:
            if include_call_events:
                return call_events.list_all_after(db, prompt_id, user_id, after)
            return prompt_events.list_after(db, prompt_id, user_id, after.seq)

        rows, is_new_connection = self._listener.query(list_events)
        if rows is None:
            raise prompt_not_found(prompt_id)
        events = [StreamEvent(row.event, row.data, row.position) for row in rows]
        if events:
            self.position = rows[-1].position
            self.has_ended = rows[-1].event in FINAL_EVENTS
            self._has_sent_text = self._is_relaying_text = False
            self._next_wake_at = max(self._next_wake_at, time.monotonic() + self._wake_interval)
            return events
        if is_new_connection:
            # Deltas that came between two connections are lost.
            self._is_relaying_text = False
            return self._reset_text()
        return []

    def _wake_if_stalled(self) -> None:
        """Resume the prompt if its execution is lost: with a subscriber, sooner than the recovery would."""
        with suppress(DatabaseUnavailable):
            wake_if_stalled(self.prompt_id)
        self._next_wake_at = time.monotonic() + self._wake_interval


def _find_previous(position: EventPosition) -> EventPosition:
    """Return a position right before this one, so that the events after it begin with the one at this position."""
    if position == BEGINNING:
        return position
    if position.number:
        return EventPosition(position.seq, position.number - 1)
    return EventPosition(position.seq - 1, _LAST_NUMBER)
