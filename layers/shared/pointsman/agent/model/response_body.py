"""The body of a model's HTTP response: JSON or a stream of events, by what it holds, whatever its content type says."""

import json
import re
from collections.abc import Callable, Iterator

import httpx

from ...errors import ModelFailed
from ...http_transport import TRANSPORT_FAILURES
from .errors import error_from_transport
from .sse_parser import iter_event_data

__all__ = ["ResponseBody", "parse_json"]

_MAX_INSPECTED_BYTES = 64
_STREAM_LINE = re.compile(rb"(data|event|id|retry)?[ ]?(:|[\r\n])")
_IGNORED_AT_START = b"\xef\xbb\xbf \t\r\n"


class ResponseBody:
    """The body of a streamed httpx response, read once.

    Args:
        http_response: the response; the caller closes it.
        max_idle: seconds after which a stream without an event, or a body of white space only, fails.
        clock: the present time in seconds.
    """

    def __init__(self, http_response: httpx.Response, max_idle: float, clock: Callable[[], float]) -> None:
        self._http_response = http_response
        self._max_idle = max_idle
        self._clock = clock
        self._last_content_at = clock()
        self._start = b""
        self._chunks = self._iter_chunks()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._http_response.status_code

    def is_event_stream(self) -> bool:
        """Whether the body is a stream of events. Waits for the first bytes; white space before them does not count."""
        start = self._start.lstrip(_IGNORED_AT_START)
        while len(start) < _MAX_INSPECTED_BYTES and not start.startswith((b"{", b"[")):
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._check_idle()
            self._start += chunk
            start = self._start.lstrip(_IGNORED_AT_START)
            if _STREAM_LINE.match(start):
                return True
        says_so = "event-stream" in self._http_response.headers.get("content-type", "")
        return bool(_STREAM_LINE.match(start)) or (says_so and not start.startswith((b"{", b"[")))

    def iter_events(self) -> Iterator[str]:
        """Yield the data of each event. Raises ModelFailed if only comments come for too long."""

        def iter_checked_chunks() -> Iterator[bytes]:
            yield self._start
            for chunk in self._chunks:
                self._check_idle()
                yield chunk

        for data in iter_event_data(iter_checked_chunks()):
            if data:
                yield data
                self._last_content_at = self._clock()

    def parse_json(self) -> object:
        """Read the body to its end and parse it; None if it is not JSON."""
        return parse_json(b"".join([self._start, *self._chunks]))

    def _check_idle(self) -> None:
        if self._clock() - self._last_content_at > self._max_idle:
            raise ModelFailed("The model did not answer to the end (only comments)", retryable=True)

    def _iter_chunks(self) -> Iterator[bytes]:
        try:
            yield from self._http_response.iter_bytes()
        except tuple(TRANSPORT_FAILURES) as error:
            raise error_from_transport(error) from None


def parse_json(content: str | bytes) -> object:
    """Parse JSON; None if it is not valid."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
