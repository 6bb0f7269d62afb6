"""The body of a model's HTTP response: JSON or a stream of events, by what it holds, whatever its content type says."""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from math import isfinite

import httpx

from ...errors import ModelFailed
from ...http_transport import TRANSPORT_FAILURES
from .errors import error_from_transport, invalid_response_error
from .read_limits import MAX_BODY_BYTES, MAX_ERROR_BYTES, MAX_EVENTS, MAX_STREAM_BYTES, AnswerTooLong
from .sse_parser import iter_event_data

__all__ = ["ResponseBody", "parse_json"]

_MAX_INSPECTED_BYTES = 64
_STREAM_LINE = re.compile(rb"(data|event|id|retry)?[ ]?(:|[\r\n])")
_IGNORED_AT_START = b"\xef\xbb\xbf \t\r\n"
_INFLATED_CHUNK_BYTES = 64 * 1024
_MAX_DIGITS = 300
"""Of a number; a double has 309 at most."""


class ResponseBody:
    """The body of a streamed httpx response, read once, and up to a limit (`read_limits`).

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
        self._max_bytes = MAX_STREAM_BYTES if 200 <= http_response.status_code < 300 else MAX_ERROR_BYTES
        self._chunks = self._iter_chunks()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._http_response.status_code

    def is_event_stream(self) -> bool:
        """Whether the body is a stream of events. Waits for the first bytes; white space before them does not count."""
        start = self._start
        while len(start) < _MAX_INSPECTED_BYTES and not start.startswith((b"{", b"[")):
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._check_idle()
            self._start = start = (self._start + chunk).lstrip(_IGNORED_AT_START)
            if _STREAM_LINE.match(start):
                return True
        says_so = "event-stream" in self._http_response.headers.get("content-type", "")
        return bool(_STREAM_LINE.match(start)) or (says_so and not start.startswith((b"{", b"[")))

    def iter_events(self) -> Iterator[str]:
        """Yield the data of each event.

        Raises:
            AnswerTooLong: an event, their number, or the stream is over a limit.
            ModelFailed: only comments come for too long.
        """

        def iter_checked_chunks() -> Iterator[bytes]:
            yield self._start
            for chunk in self._chunks:
                self._check_idle()
                yield chunk

        for number, data in enumerate(iter_event_data(iter_checked_chunks())):
            if number >= MAX_EVENTS:
                raise AnswerTooLong(f"{MAX_EVENTS} events")
            if data:
                yield data
                self._last_content_at = self._clock()

    def parse_json(self) -> object:
        """Read the body to its end and parse it; None if it is not JSON. Raises AnswerTooLong."""
        max_bytes = min(self._max_bytes, MAX_BODY_BYTES)
        # One buffer: a server may send each byte as a chunk.
        content = bytearray(self._start)
        for chunk in chain([b""], self._chunks):
            content += chunk
            if len(content) > max_bytes:
                raise AnswerTooLong(f"{max_bytes} bytes")
        return parse_json(bytes(content))

    def _check_idle(self) -> None:
        if self._clock() - self._last_content_at > self._max_idle:
            raise ModelFailed("The model did not answer to the end (only comments)", retryable=True)

    def _iter_chunks(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._iter_decoded_chunks():
            size += len(chunk)
            if size > self._max_bytes:
                raise AnswerTooLong(f"{self._max_bytes} bytes")
            yield chunk

    def _iter_decoded_chunks(self) -> Iterator[bytes]:
        """Yield the decoded body. httpx would decode a chunk at once, whatever size that gives."""
        encoding = self._http_response.headers.get("content-encoding", "").strip().lower()
        try:
            if encoding in ("", "identity"):
                yield from self._http_response.iter_raw()
            elif encoding in ("gzip", "x-gzip", "deflate"):
                yield from _inflate(self._http_response.iter_raw())
            else:
                raise invalid_response_error("a content encoding that was not asked for")
        except tuple(TRANSPORT_FAILURES) as error:
            raise error_from_transport(error) from None
        except zlib.error:
            raise invalid_response_error("it is compressed, and damaged") from None


def parse_json(content: str | bytes) -> object:
    """Parse JSON; None if it is not valid. A number that is none in JSON, or that no double holds, becomes null.

    A model's text counts more than a number beside it: NaN among its probabilities, or a count of 5,000 digits.
    """
    try:
        return json.loads(content, parse_int=_parse_int, parse_float=_parse_float, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):
        return None


def _parse_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


def _parse_float(digits: str) -> float | None:
    number = float(digits)
    return number if isfinite(number) else None


def _inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress gzip or zlib, in chunks of limited size."""
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for chunk in chunks:
        inflated = decompressor.decompress(chunk, _INFLATED_CHUNK_BYTES)
        while inflated:
            yield inflated
            inflated = decompressor.decompress(decompressor.unconsumed_tail, _INFLATED_CHUNK_BYTES)
