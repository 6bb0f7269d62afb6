"""A prompt's events over as many connections as it takes: each next one goes on after the last event.

`_Cursor` decides what to send and when, and does no I/O itself; `PromptStream` and `AsyncPromptStream` send it.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from .connection import require_path_segment
from .errors import UNEXPECTED_RESPONSE, PointsmanError, WaitTimeout
from .events import Event, PromptCompleted, PromptCreated, PromptFailed, parse_event
from .retries import SINGLE_ATTEMPT, RetryPolicy, build_connection_error

__all__ = ["AsyncPromptStream", "PromptStream", "StreamRequest"]

SILENT_SECONDS = 60.0
"""Four heartbeats: a connection without a byte for so long is taken for dropped."""
MAX_EVENT_BYTES = 16 * 2**20
"""More than any event that the API sends."""
_SHORT_STREAM_SECONDS = 1.0
"""A stream that ends sooner without an event counts as a failed attempt, so that nobody asks without a pause."""
_REPEATED_STATUSES = (429, 502, 503, 504)


class StreamRequest:
    """What a stream begins with: a prompt to submit, or one to follow.

    Args:
        prefix: path of the Agent API.
        body: of a prompt to submit, or None.
        prompt_id: of a prompt to follow, or None.
        last_event_id: the event after which to go on, or None for the first.
        all_events: whether to ask for the beginnings of calls and the decisions, too.
        idempotency_key: of a prompt to submit; by default a new one.
        timeout: seconds for the whole stream, or None.
    """

    def __init__(
        self,
        prefix: str,
        *,
        body: Mapping[str, Any] | None = None,
        prompt_id: str | None = None,
        last_event_id: str | None = None,
        all_events: bool = False,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self._prefix = prefix
        self._body = body
        self._params = {"events": "all"} if all_events else {}
        self._key = idempotency_key or uuid.uuid4().hex
        self.prompt_id = None if prompt_id is None else require_path_segment(prompt_id)
        self.last_event_id = last_event_id
        self.deadline = None if timeout is None else time.monotonic() + timeout

    def build(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Build the request that goes on after the last event.

        Until the prompt's id is known it is the same submission with the same key, which never makes a second prompt.
        """
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id is not None:
            headers["Last-Event-ID"] = self.last_event_id
        timeout = httpx.Timeout(self._get_read_seconds(), connect=min(10.0, self._get_read_seconds()))
        options: dict[str, Any] = {
            "params": self._params,
            "timeout": timeout,
            "extensions": {SINGLE_ATTEMPT: True},
        }
        if self.prompt_id is not None:
            path = f"{self._prefix}/prompts/{quote(self.prompt_id, safe='')}/stream"
            return client.build_request("GET", path, headers=headers, **options)
        headers["Idempotency-Key"] = self._key
        return client.build_request("POST", f"{self._prefix}/prompt", json=self._body, headers=headers, **options)

    def get_seconds_left(self) -> float | None:
        """Return the seconds until the deadline; None without one.

        Raises:
            WaitTimeout: it has passed.
        """
        if self.deadline is None:
            return None
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise WaitTimeout("The prompt goes on, but the time for it is over", promptId=self.prompt_id)
        return left

    def _get_read_seconds(self) -> float:
        left = self.get_seconds_left()
        return SILENT_SECONDS if left is None else min(SILENT_SECONDS, left)


class _Cursor:
    """Where a stream is: what was received, and what follows from how a connection ended."""

    def __init__(self, request: StreamRequest, policy: RetryPolicy) -> None:
        self.request = request
        self.has_ended = False
        self._policy = policy
        self._failures = 0
        self._parser = _EventParser()
        self._opened_at = 0.0
        self._is_empty = True

    def begin(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Build the next request."""
        self._parser = _EventParser()
        self._opened_at = time.monotonic()
        self._is_empty = True
        return self.request.build(client)

    def receive_status(self, response: httpx.Response) -> None:
        """Look at the head of a response that is no error."""
        if response.status_code == 204:
            # There is nothing after the event that was asked for.
            self.has_ended = True
        elif not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise PointsmanError(
                f"The server answers {response.status_code}, but with no stream", code=UNEXPECTED_RESPONSE
            )

    def receive(self, chunk: bytes) -> list[Event]:
        """Return the events that are complete now; each counts when `accept` has it."""
        self.request.get_seconds_left()
        if self._has_lasted():
            # A heartbeat is enough: a prompt may wait a day for a person, over many connections.
            self._failures = 0
        return self._parser.feed(chunk)

    def accept(self, event: Event) -> Event:
        """Note an event, just before the caller gets it."""
        self._failures = 0
        self._is_empty = False
        if event.id is not None:
            self.request.last_event_id = event.id
        if isinstance(event, PromptCreated):
            self.request.prompt_id = event.prompt_id
        self.has_ended = isinstance(event, PromptCompleted | PromptFailed)
        return event

    def get_pause_after_end(self) -> float:
        """Return the seconds until the next request, after the server has ended the stream before the prompt's end."""
        if self.has_ended:
            return 0.0
        if self._is_empty and not self._has_lasted():
            message = "The stream ends again and again without an event"
            return self._fail(PointsmanError(message, code=UNEXPECTED_RESPONSE))
        return 0.0

    def get_pause_after(self, error: httpx.TransportError | PointsmanError) -> float:
        """Return the seconds until the next request after an error.

        Raises:
            PointsmanError: there is none: the error would come again, or came too often.
            WaitTimeout: the time is over.
        """
        if isinstance(error, httpx.TransportError):
            if self.request.deadline is not None:
                self.request.get_seconds_left()
            return self._fail(build_connection_error(error, self._failures + 1))
        if error.status not in _REPEATED_STATUSES:
            raise error
        return self._fail(error)

    def _has_lasted(self) -> bool:
        return time.monotonic() - self._opened_at >= _SHORT_STREAM_SECONDS

    def _fail(self, error: PointsmanError) -> float:
        self._failures += 1
        pause = self._policy.get_pause(self._failures, error.retry_after)
        left = self.request.get_seconds_left()
        if pause is None:
            raise error
        return pause if left is None else min(pause, left)


class _EventParser:
    """Reads the server-sent events of one connection (WHATWG HTML, 9.2.6)."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._event, self._id = "", None
        self._data: list[str] = []
        self._size = 0
        """Bytes of the event's lines so far."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that end in this chunk."""
        # httpx's own lines also end at U+2028 and the like, which a JSON text may hold. The API ends lines with \n.
        self._buffer += chunk
        events: list[Event] = []
        if b"\n" in chunk:
            *lines, self._buffer = self._buffer.split(b"\n")
            events = [event for line in lines if (event := self._take_line(line.removesuffix(b"\r"))) is not None]
        self._require_size(len(self._buffer))
        return events

    def _require_size(self, more: int) -> None:
        if self._size + more > MAX_EVENT_BYTES:
            raise PointsmanError("The stream sends an event without an end", code=UNEXPECTED_RESPONSE)

    def _take_line(self, line: bytearray) -> Event | None:
        self._require_size(len(line))
        self._size += len(line)
        if not line:
            self._size = 0
            event, data, event_id = self._event, self._data, self._id
            self._event, self._data, self._id = "", [], None
            return parse_event(event or "message", "\n".join(data), event_id) if data else None
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        return None


class PromptStream(Iterator[Event]):
    """The events of a prompt, to its end. The first request is sent when the first event is asked for.

    It may be followed again from wherever it was left: `agent.follow(stream.prompt_id, stream.last_event_id)`.
    As a context manager it closes its connection at the end of the block; the prompt goes on.

    Raises:
        PointsmanError: a request was refused, or too many in a row have failed.
        WaitTimeout: the time for the stream is over.
    """

    def __init__(self, client: httpx.Client, request: StreamRequest, policy: RetryPolicy) -> None:
        self._cursor = _Cursor(request, policy)
        self._events = self._run(client)

    @property
    def prompt_id(self) -> str | None:
        """The prompt's id; None until its first event has come."""
        return self._cursor.request.prompt_id

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event, without text deltas."""
        return self._cursor.request.last_event_id

    def __enter__(self) -> "PromptStream":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __next__(self) -> Event:
        return next(self._events)

    def close(self) -> None:
        """Close the connection, if one is open."""
        self._events.close()

    def _run(self, client: httpx.Client) -> Generator[Event]:
        cursor = self._cursor
        while not cursor.has_ended:
            try:
                response = client.send(cursor.begin(client), stream=True)
                try:
                    cursor.receive_status(response)
                    for chunk in response.iter_bytes():
                        for event in cursor.receive(chunk):
                            yield cursor.accept(event)
                            if cursor.has_ended:
                                return
                finally:
                    response.close()
                pause = cursor.get_pause_after_end()
            except (httpx.TransportError, PointsmanError) as error:
                pause = cursor.get_pause_after(error)
            time.sleep(pause)


class AsyncPromptStream(AsyncIterator[Event]):
    """`PromptStream` for asyncio."""

    def __init__(self, client: httpx.AsyncClient, request: StreamRequest, policy: RetryPolicy) -> None:
        self._cursor = _Cursor(request, policy)
        self._events = self._run(client)

    @property
    def prompt_id(self) -> str | None:
        """The prompt's id; None until its first event has come."""
        return self._cursor.request.prompt_id

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event, without text deltas."""
        return self._cursor.request.last_event_id

    async def __aenter__(self) -> "AsyncPromptStream":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def close(self) -> None:
        """Close the connection, if one is open."""
        await self._events.aclose()

    async def _run(self, client: httpx.AsyncClient) -> AsyncGenerator[Event]:
        cursor = self._cursor
        while not cursor.has_ended:
            try:
                response = await client.send(cursor.begin(client), stream=True)
                try:
                    cursor.receive_status(response)
                    async for chunk in response.aiter_bytes():
                        for event in cursor.receive(chunk):
                            yield cursor.accept(event)
                            if cursor.has_ended:
                                return
                finally:
                    await response.aclose()
                pause = cursor.get_pause_after_end()
            except (httpx.TransportError, PointsmanError) as error:
                pause = cursor.get_pause_after(error)
            await asyncio.sleep(pause)
