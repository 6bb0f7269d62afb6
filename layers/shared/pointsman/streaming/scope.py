"""Events as ASGI scopes: payload 1.0, as a REST API sends it, and 2.0, as a function URL does."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlencode

from .context import LambdaContext
from .failure import FunctionError

__all__ = ["build_scope", "decode_body"]

_ASGI_VERSIONS = {"version": "3.0", "spec_version": "2.4"}
"""2.4: a response that nobody takes any more is an OSError of `send`."""


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
