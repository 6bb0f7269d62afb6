"""Events as ASGI scopes: payload 1.0, as a REST API sends it, and 2.0, as a function URL does."""

import asyncio
import base64
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from .errors import ErrorReport, FunctionError
from .response import StreamedResponse, encode_prelude
from .runtime_api import RuntimeApiClient

__all__ = ["Exchange", "LambdaContext", "build_scope", "decode_body"]

_ASGI_VERSIONS = {"version": "3.0", "spec_version": "2.4"}
"""2.4: a response that nobody takes any more is an OSError of `send`."""


@dataclass(frozen=True)
class LambdaContext:
    """`scope["aws.context"]`; `deadline_ms` in milliseconds since 1970, memory in MB."""

    aws_request_id: str
    deadline_ms: int
    invoked_function_arn: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda kills the function; 0 when they are over."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


def build_scope(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The scope of an event, which itself is in `aws.event`, with the Lambda context in `aws.context`.

    Raises:
        AppFailure: it is no request of a client.
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
    """The request's body."""
    body = event.get("body") or ""
    return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else str(body).encode()


def _parse_rest_event(event: Mapping[str, Any]) -> dict[str, Any]:
    request_context = event["requestContext"]
    header_values = _as_object(event.get("multiValueHeaders")) or {
        name: [value] for name, value in _as_object(event.get("headers")).items()
    }
    # A REST API decodes the query, so here it is encoded again; the path it leaves as it was sent.
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


# A streamed body without a byte has hung function URLs.
_MINIMAL_BODY = b"\n"


class Exchange:
    """`receive` and `send` of one invocation."""

    def __init__(self, api: RuntimeApiClient, request_id: str, body: bytes) -> None:
        self._api = api
        self._request_id = request_id
        self._body: bytes | None = body
        self._prelude: bytes | None = None
        self._response: StreamedResponse | None = None
        self._has_body_bytes = False
        self._ended = False
        self._disconnected = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """The whole body; after that, once the response has ended or is no longer taken, http.disconnect."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the response's start, or a part of its body, which is on its way when this returns.

        Raises:
            OSError: the response is no longer taken.
            RuntimeError: the app does not keep to ASGI.
            ValueError: its headers are too long.
        """
        message_type = message["type"]
        if message_type == "http.response.start" and self._prelude is None:
            self._prelude = encode_prelude(message["status"], message.get("headers", ()))
        elif message_type == "http.response.body" and self._prelude is not None and not self._ended:
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
            self._ended = True
            await self._end_response(self._response, None)

    async def finish(self, error: BaseException | None) -> None:
        """The app is done. What it left open ends as a failure: in trailers, or, if nothing was sent, as an error."""
        if error is None and not self._ended:
            error = FunctionError("Runtime.NoResponse", "The app returned before its response had ended")
        self._disconnected.set()
        if error is None:
            return
        report = ErrorReport.from_exception(error)
        report.log()
        if self._response is None:
            await self._api.report_error(self._request_id, report)
        elif not self._ended:
            self._ended = True
            try:
                await self._end_response(self._response, report)
            except OSError:
                return  # Said already, by the app's own failure.

    async def _end_response(self, response: StreamedResponse, report: ErrorReport | None) -> None:
        try:
            await response.end(report)
        finally:
            self._disconnected.set()
