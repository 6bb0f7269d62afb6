"""Rules and constants that all endpoints share, with and without a web framework."""

import re
from collections.abc import Mapping
from typing import Any, cast

from ..actor import Actor, ActorKind
from ..errors import Forbidden, Misconfigured, PayloadTooLarge, SecretsUnavailable
from ..identity.models import MISCONFIGURED, NOT_THROUGH_CLOUDFRONT, SECRETS_UNAVAILABLE
from ..identity.permissions import parse_permissions

__all__ = [
    "IDEMPOTENCY_KEY_PATTERN",
    "IDEMPOTENCY_KEY_RULE",
    "IDEMPOTENCY_KEY_SCHEMA",
    "INVALID_JSON_MESSAGE",
    "MAX_ECHOED_CHARS",
    "ROUTE_SPEC_KEY",
    "GatewayEvent",
    "get_authorizer_context",
    "get_permissions",
    "make_actor",
    "require_authorizer_result",
    "require_body_size",
]

MAX_ECHOED_CHARS = 200
"""Characters of a client's text that an error message repeats."""

_KEY_CHARACTERS, _MAX_KEY_CHARS = "[!-~]", 255
IDEMPOTENCY_KEY_PATTERN = re.compile(f"{_KEY_CHARACTERS}{{1,{_MAX_KEY_CHARS}}}")
"""What an Idempotency-Key must match in full."""

IDEMPOTENCY_KEY_RULE = f"1 to {_MAX_KEY_CHARS} visible ASCII characters"
"""The same in words."""

IDEMPOTENCY_KEY_SCHEMA = {
    "type": "string", "minLength": 1, "maxLength": _MAX_KEY_CHARS, "pattern": f"^{_KEY_CHARACTERS}+$"
}  # fmt: skip
"""The same as JSON Schema."""

ROUTE_SPEC_KEY = "route_spec"
"""The key of a route's spec in its `openapi_extra`."""

INVALID_JSON_MESSAGE = "The request body is not valid JSON"

GatewayEvent = Mapping[str, Any]
"""An event of API Gateway: of an HTTP API in payload format 2.0, or of a REST API."""

_MAX_BODY_BYTES = 1024 * 1024
"""The largest body of the contract is far below; API Gateway itself takes up to 10 MB."""


def get_authorizer_context(event: GatewayEvent) -> Mapping[str, Any]:
    """Return the context that the Lambda authorizer gave the caller, the only source of a caller's identity.

    An HTTP API puts it under `authorizer.lambda`, a REST API into `authorizer` itself. Empty without an authorizer.
    """
    authorizer: Mapping[str, Any] = event["requestContext"].get("authorizer") or {}
    return authorizer.get("lambda", authorizer) or {}


def get_permissions(event: GatewayEvent) -> tuple[str, ...]:
    """Return what the authenticated caller may do."""
    return parse_permissions(get_authorizer_context(event).get("permissions"))


def make_actor(event: GatewayEvent, kind: ActorKind, actor_id: str) -> Actor:
    """Return who sent a request, and from where. An empty id, of a public route, is `anonymous`."""
    context = event["requestContext"]
    client = _get_client(event)
    address, user_agent = _find_client_address(event), str(client.get("userAgent") or "")
    return Actor(kind, actor_id or "anonymous", address, user_agent, str(context.get("requestId") or ""))


def _get_client(event: GatewayEvent) -> Mapping[str, Any]:
    """Return what the gateway says of the client. An HTTP API and a REST API have it at different places."""
    context = event["requestContext"]
    return context.get("http") or context.get("identity") or {}


def _find_client_address(event: GatewayEvent) -> str:
    """Return the address that connected to us: to CloudFront, or to the API itself.

    CloudFront appends its client's address to X-Forwarded-For, API Gateway that of CloudFront. What stands before
    these two the client may have invented. Only CloudFront sends X-Origin-Secret; the authorizer has compared it.
    """
    client = _get_client(event)
    source, given_headers = str(client.get("sourceIp") or ""), cast("Mapping[str, str]", event.get("headers") or {})
    headers = {name.lower(): value for name, value in given_headers.items()}
    if not headers.get("x-origin-secret"):
        return source
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    if hops and hops[-1] == source:
        hops.pop()
    return hops[-1] if hops else source


def require_authorizer_result(event: GatewayEvent) -> None:
    """Check that the authorizer could tell whether it knows the caller.

    Raises:
        Forbidden: the request came past CloudFront.
        Misconfigured: a setting of the authorizer is missing or wrong.
        SecretsUnavailable: it could not read a secret.
    """
    problem = get_authorizer_context(event).get("problem")
    if problem == NOT_THROUGH_CLOUDFRONT:
        raise Forbidden("This address is not for clients: the stack's output ApiUrl names the one that is")
    if problem == MISCONFIGURED:
        raise Misconfigured
    if problem == SECRETS_UNAVAILABLE:
        raise SecretsUnavailable("Who is calling cannot be checked at the moment")


def require_body_size(event: GatewayEvent) -> None:
    """Raise PayloadTooLarge if the request's body is larger than 1 MiB.

    What counts are the bytes that the client has sent.
    """
    text: str = event.get("body") or ""
    if event.get("isBase64Encoded"):
        size = len(text) * 3 // 4 - text[-2:].count("=")
    else:
        size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    if size > _MAX_BODY_BYTES:
        raise PayloadTooLarge(f"The request body is over the limit of {_MAX_BODY_BYTES // 1024} KiB")
