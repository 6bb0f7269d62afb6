"""Events as ASGI scopes: payload 1.0, as a REST API sends it, and 2.0, as a function URL does."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlencode

from .context import Context
from .failure import AppFailure

__all__ = ["body_of", "scope_of"]

_ASGI = {"version": "3.0", "spec_version": "2.4"}
"""2.4: a response that nobody takes any more is an OSError of `send`."""


def scope_of(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """The scope of an event, which itself is in `aws.event`, with the Lambda context in `aws.context`.

    Raises:
        AppFailure: it is no request of a client.
    """
    about = event.get("requestContext")
    if not isinstance(about, dict):
        raise AppFailure("Runtime.UnsupportedEvent", "The event is no request by a REST API or a function URL")
    try:
        own = _url_event(event) if "http" in about else _rest_event(event)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"The event is no request by a REST API or a function URL: {type(error).__name__}: {error}"
        raise AppFailure("Runtime.UnsupportedEvent", message) from None
    headers: list[tuple[bytes, bytes]] = own["headers"]
    first = {name: value.decode() for name, value in reversed(headers)}
    scheme = first.get(b"x-forwarded-proto", "https")
    return {
        "type": "http",
        "asgi": dict(_ASGI),
        "scheme": scheme,
        "server": _server(first.get(b"host", ""), first.get(b"x-forwarded-port", ""), scheme),
        "root_path": "",
        "aws.event": event,
        "aws.context": context,
        **own,
    }


def body_of(event: Mapping[str, Any]) -> bytes:
    """The request's body."""
    body = event.get("body") or ""
    return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else str(body).encode()


def _rest_event(event: Mapping[str, Any]) -> dict[str, Any]:
    about = event["requestContext"]
    several = _map(event.get("multiValueHeaders")) or {
        name: [value] for name, value in _map(event.get("headers")).items()
    }
    # A REST API decodes the query, so here it is encoded again; the path it leaves as it was sent.
    query = _map(event.get("multiValueQueryStringParameters")) or _map(event.get("queryStringParameters"))
    return {
        "http_version": _version(about.get("protocol")),
        "method": str(event["httpMethod"]).upper(),
        "query_string": urlencode(query, doseq=True).encode(),
        "headers": list(_lowered((name, value) for name, values in several.items() for value in values)),
        "client": (str(_map(about.get("identity")).get("sourceIp") or ""), 0),
        **_path(event["path"]),
    }


def _url_event(event: Mapping[str, Any]) -> dict[str, Any]:
    about = event["requestContext"]["http"]
    headers = list(_lowered(_map(event.get("headers")).items()))
    if event.get("cookies"):
        headers.append((b"cookie", "; ".join(event["cookies"]).encode()))
    return {
        "http_version": _version(about.get("protocol")),
        "method": str(about["method"]).upper(),
        "query_string": str(event.get("rawQueryString") or "").encode(),
        "headers": headers,
        "client": (str(about.get("sourceIp") or ""), 0),
        **_path(event["rawPath"]),
    }


def _map(value: Any) -> dict[str, Any]:
    return value or {}


def _path(sent: str) -> dict[str, Any]:
    return {"path": unquote(sent), "raw_path": sent.encode()}


def _version(protocol: object) -> str:
    return str(protocol or "HTTP/1.1").rpartition("/")[2]


def _lowered(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in pairs:
        yield name.lower().encode("latin-1"), value.encode()


def _server(host: str, forwarded: str, scheme: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    if not port.isdecimal():
        name, port = host, forwarded
    return name, int(port) if port.isdecimal() else 443 if scheme == "https" else 80
