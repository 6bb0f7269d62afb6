"""Event subscription: a prompt's stored events from any sequence number on, and the model's text deltas.

Postgres notifies the prompt's channel of new events and deltas (`db.prompt_events`). A pooler may swallow
notifications, so the event log is polled as well; deltas come by notification only.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from ..db import prompt_events
from ..db.event_listener import EventListener
from ..errors import DatabaseUnavailable, InvalidToolInput, PointsmanError
from ..settings.prompts import PromptSettings
from .prompt_execution import wake_if_stalled
from .queries import prompt_not_found
from .submission import SubmittedPrompt, build_created_data

__all__ = ["FINAL_EVENTS", "EventSubscription", "StreamEvent"]

FINAL_EVENTS = ("prompt.completed", "error")
"""The types of a prompt's last event."""

_POLL_SECONDS, _POLL_SECONDS_WHEN_NOTIFIED = 0.5, 5.0
"""Seconds between two polls: by default, and once a notification has shown that notifications arrive."""

_MIN_WAKE_INTERVAL = 1.0
"""Seconds between two attempts to wake a stalled prompt, at least."""


class StreamEvent(NamedTuple):
    """An event as the client gets it. `seq` is None for `prompt.delta`, which is not stored."""

    event: str
    data: Mapping[str, object]
    seq: int | None


class EventSubscription:
    """A user's subscription to the events of a prompt. It must be closed.

    Attributes:
        prompt_id: the prompt.
        last_seq: sequence number of the last event that was returned, 0 for none.
        has_ended: whether that was the final event.
    """

    def __init__(self, user_id: str, prompt_id: str, last_seq: int, listener: EventListener | None = None) -> None:
        """Subscribe after the event `last_seq`.

        Args:
            user_id: the subscriber.
            prompt_id: the user's prompt; `replay` checks that it is.
            last_seq: sequence number of the last event that the client has, 0 for none.
            listener: a listener that was opened before the prompt was started.
        """
        self.last_seq = last_seq
        self.has_ended = False
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
    def open_before_start(cls, user_id: str, submitted: SubmittedPrompt, last_seq: int) -> "EventSubscription":
        """Subscribe to a prompt that is not started yet, so that all of its text is received."""
        listener = EventListener(submitted.id)
        with suppress(PointsmanError):  # Polling finds what no notification announces.
            listener.listen()
        subscription = cls(user_id, submitted.id, last_seq, listener)
        if submitted.is_new and last_seq == 0:
            subscription._first_event = StreamEvent("prompt.created", build_created_data(submitted.id), 1)
        return subscription

    def replay(self) -> list[StreamEvent]:
        """Return the stored events after `last_seq`. Call it once, before `wait_for_events`.

        A prompt that was just submitted has one event, which is not read.

        Raises:
            PromptNotFound: the user has no such prompt.
            InvalidToolInput: the prompt has no event `last_seq`.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        requested_seq, self.last_seq = self.last_seq, max(self.last_seq - 1, 0)
        if self._first_event:
            events, self.last_seq = [self._first_event], 1
        else:
            events = self._read_events()
        if requested_seq and (not events or events[0].seq != requested_seq):
            issue = "There is no such event of this prompt"
            raise InvalidToolInput("Nothing can be resumed", [{"path": ["Last-Event-ID"], "message": issue}])
        now = time.monotonic()
        self._next_poll_at = now + _POLL_SECONDS
        # An older prompt may have lost its execution long ago, so it is checked at once.
        self._next_wake_at = now + (self._wake_interval if self._is_new_prompt else 0.0)
        return events[1:] if requested_seq else events

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
                if notification["seq"] > self.last_seq:
                    events += self._poll()
            elif notification.get("after") == self.last_seq and not self.has_ended:
                events += self._relay_delta(notification.get("text"))
        if not self._listener.is_connected:
            self._next_poll_at = min(self._next_poll_at, time.monotonic() + _POLL_SECONDS)
        return events

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
            events = self._read_events()
        except DatabaseUnavailable:
            self._poll_interval = _POLL_SECONDS
            events = []
        self._next_poll_at = time.monotonic() + self._poll_interval
        return events

    def _read_events(self) -> list[StreamEvent]:
        after, user_id, prompt_id = self.last_seq, self._user_id, self.prompt_id
        rows, is_new_connection = self._listener.query(
            lambda db: prompt_events.list_after(db, prompt_id, user_id, after)
        )
        if rows is None:
            raise prompt_not_found(prompt_id)
        events = [StreamEvent(row.event, row.data, row.seq) for row in rows]
        if events:
            self.last_seq = rows[-1].seq
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
