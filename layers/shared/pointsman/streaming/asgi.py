"""The ASGI side: events of REST APIs (payload 1.0) and function URLs (2.0) as scopes, `receive` and `send`."""

import asyncio
import base64
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from .errors import ErrorReport, FunctionError
from .response import StreamedResponse, encode_prelude
from .runtime_api import RuntimeApiClient

__all__ = ["Exchange", "LambdaContext", "build_scope", "decode_body"]

_ASGI_VERSIONS = {"version": "3.0", "spec_version": "2.4"}
"""2.4: `send` raises OSError after the client has disconnected."""
_MINIMAL_BODY = b"\n"
"""Sent in place of an empty body. Observed: function URLs hang on a streamed body of zero bytes."""


@dataclass(frozen=True)
class LambdaContext:
    """The Lambda context, `scope["aws.context"]`. `deadline_ms` is in milliseconds since 1970, the memory in MB."""

    aws_request_id: str
    deadline_ms: int
    invoked_function_arn: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda's timeout, at least 0."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


def build_scope(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Build the ASGI scope of an event; `aws.event` holds the event, `aws.context` the Lambda context.

    Raises:
        FunctionError: the event is not an HTTP request.
    """
    request_context = event.get("requestContext")
    if not isinstance(request_context, dict):
        raise FunctionError("Runtime.UnsupportedEvent", "The event is no request by a REST API or a function URL")
    try:
        request_fields = _parse_url_event(event) if "http" in request_context else _parse_rest_event(event)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"The event is no request by a REST API or a function URL: {type(error).__name__}: {error}"
        raise FunctionError("Runtime.UnsupportedEvent", message) from None
    headers: list[tuple[bytes, bytes]] = request_fields["headers"]
    first_headers = {name: value.decode() for name, value in reversed(headers)}
    scheme = first_headers.get(b"x-forwarded-proto", "https")
    return {
        "type": "http",
        "asgi": dict(_ASGI_VERSIONS),
        "scheme": scheme,
        "server": _parse_server(first_headers.get(b"host", ""), first_headers.get(b"x-forwarded-port", ""), scheme),
        "root_path": "",
        "aws.event": event,
        "aws.context": context,
        **request_fields,
    }


def decode_body(event: Mapping[str, Any]) -> bytes:
    """Decode the request's body.

    Raises:
        ValueError: it is marked as base64 and is not.
    """
    body = event.get("body") or ""
    return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else str(body).encode()


class Exchange:
    """The `receive` and `send` of one invocation."""

    def __init__(self, api: RuntimeApiClient, request_id: str, body: bytes) -> None:
        self._api = api
        self._request_id = request_id
        self._body: bytes | None = body
        self._prelude: bytes | None = None
        self._response: StreamedResponse | None = None
        self._has_body_bytes = False
        self._has_ended = False
        self._disconnected = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """Return the whole body; after that `http.disconnect`, once the response has ended or the client is gone."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Accept the start of the response, or send a part of its body, unbuffered.

        Raises:
            OSError: the client has disconnected.
            RuntimeError: the message is not allowed now, or not known.
            ValueError: the headers are longer than 16 KB.
        """
        message_type = message["type"]
        if message_type == "http.response.start" and self._prelude is None:
            self._prelude = encode_prelude(message["status"], message.get("headers", ()))
        elif message_type == "http.response.body" and self._prelude is not None and not self._has_ended:
            await self._send_body(self._prelude, message.get("body", b""), bool(message.get("more_body", False)))
        else:
            raise RuntimeError(f"{message_type} is not what an ASGI app may send now")

    async def _send_body(self, encoded_prelude: bytes, data: bytes, more_body: bool) -> None:
        if self._response is None:
            self._response = await StreamedResponse.open(self._api.address, self._request_id)
            self._response.acknowledgement.add_done_callback(lambda _: self._disconnected.set())
            await self._response.write(encoded_prelude)
        self._has_body_bytes = self._has_body_bytes or bool(data)
        await self._response.write(data if more_body or self._has_body_bytes else _MINIMAL_BODY)
        if not more_body:
            self._has_ended = True
            try:
                await self._response.end()
            finally:
                self._disconnected.set()

    async def finish(self, error: BaseException | None) -> None:
        """End the invocation after the app has returned or raised `error`.

        A response that has not ended is a failure, which is reported in trailers, or, if nothing was sent, as an error.
        That the client is gone or does not read is none.
        """
        self._disconnected.set()
        is_lost = self._response is not None and self._response.is_lost
        if self._response is not None and is_lost and (error is None or isinstance(error, OSError)):
            self._response.close()
            sys.stdout.write(f"[INFO] a response was cut: {error or 'the client has disconnected'}\n")
            return
        if error is None and not self._has_ended:
            error = FunctionError("Runtime.NoResponse", "The app returned before its response had ended")
        if error is None:
            return
        report = ErrorReport.from_exception(error)
        report.log()
        if self._response is None:
            await self._api.report_error(self._request_id, report)
        elif not self._has_ended:
            self._has_ended = True
            with suppress(OSError):  # The report is logged already.
                await self._response.fail(report)


def _parse_rest_event(event: Mapping[str, Any]) -> dict[str, Any]:
    request_context = event["requestContext"]
    header_values = _as_object(event.get("multiValueHeaders")) or {
        name: [value] for name, value in _as_object(event.get("headers")).items()
    }
    # A REST API decodes the query, but not the path.
    query = _as_object(event.get("multiValueQueryStringParameters")) or _as_object(event.get("queryStringParameters"))
    return {
        "http_version": _parse_http_version(request_context.get("protocol")),
        "method": str(event["httpMethod"]).upper(),
        "query_string": urlencode(query, doseq=True).encode(),
        "headers": list(_encode_headers((name, value) for name, values in header_values.items() for value in values)),
        "client": (str(_as_object(request_context.get("identity")).get("sourceIp") or ""), 0),
        **_build_path_fields(event["path"]),
    }


def _parse_url_event(event: Mapping[str, Any]) -> dict[str, Any]:
    request_context = event["requestContext"]["http"]
    headers = list(_encode_headers(_as_object(event.get("headers")).items()))
    if event.get("cookies"):
        headers.append((b"cookie", "; ".join(event["cookies"]).encode()))
    return {
        "http_version": _parse_http_version(request_context.get("protocol")),
        "method": str(request_context["method"]).upper(),
        "query_string": str(event.get("rawQueryString") or "").encode(),
        "headers": headers,
        "client": (str(request_context.get("sourceIp") or ""), 0),
        **_build_path_fields(event["rawPath"]),
    }


def _as_object(value: Any) -> dict[str, Any]:
    return value or {}


def _build_path_fields(raw_path: str) -> dict[str, Any]:
    return {"path": unquote(raw_path), "raw_path": raw_path.encode()}


def _parse_http_version(protocol: object) -> str:
    return str(protocol or "HTTP/1.1").rpartition("/")[2]


def _encode_headers(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in pairs:
        yield name.lower().encode("latin-1"), value.encode()


def _parse_server(host: str, forwarded_port: str, scheme: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    if not port.isdecimal():
        name, port = host, forwarded_port
    return name, int(port) if port.isdecimal() else 443 if scheme == "https" else 80
