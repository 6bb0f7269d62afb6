"""The AWS client: one signed JSON request (Signature Version 4), by the standard library alone.

An own client, because `http.client`, `hmac` and `hashlib` are loaded in every Lambda process anyway, while botocore's
signer and HTTP session alone cost more CPU than both authorizers together (docs/decisions/0014).
"""

import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from http.client import HTTPConnection
    from ssl import SSLContext

__all__ = ["AwsAccess", "Service", "call", "get_error_code", "is_transient"]

Service = Literal["states", "secretsmanager"]
"""The name of the service in its endpoint and in signatures."""

_PROTOCOLS: dict[Service, tuple[str, str]] = {
    "states": ("AWSStepFunctions", "application/x-amz-json-1.0"),
    "secretsmanager": ("secretsmanager", "application/x-amz-json-1.1"),
}
"""The prefix of a service's actions, and its content type."""

_MAX_IDLE_SECONDS = 20.0
"""How long an idle connection is kept. An older one may be closed by AWS or dropped by a NAT gateway."""

_Origin = tuple[str, str]
_idle_connections: "dict[_Origin, tuple[HTTPConnection, float]]" = {}
_tls_context: "SSLContext | None" = None


class AwsAccess:
    """Credentials, region and, where AWS is simulated, its endpoint. No credential shows in the `repr`."""

    __slots__ = ("access_key", "endpoint_url", "region", "secret_key", "token")

    def __init__(self, access_key: str, secret_key: str, token: str, region: str, endpoint_url: str = "") -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token
        self.region = region
        self.endpoint_url = endpoint_url

    def __repr__(self) -> str:
        return f"AwsAccess(region={self.region!r}, endpoint_url={self.endpoint_url!r})"


def call(
    access: AwsAccess, service: Service, action: str, body: str, *, connect_timeout: float, read_timeout: float
) -> tuple[int, str]:
    """Send one request; return the status and body of the response, with status 0 if there was none.

    A request on a kept connection that turns out to be closed is sent again, so actions must be idempotent.

    Args:
        access: The credentials. Load them again for each request, because they rotate.
        service: The service.
        action: Such as `StartExecution`.
        body: The request in JSON.
        connect_timeout: Seconds for the connection, with TLS.
        read_timeout: Seconds for each read and write.
    """
    from http.client import HTTPException
    from urllib.parse import urlsplit

    # China's regions have a domain of their own.
    domain = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
    address = urlsplit(access.endpoint_url or f"https://{service}.{access.region}.{domain}")
    origin = (address.scheme, address.netloc)
    content = body.encode()
    headers = sign(access, service, action, address.netloc, content, time.time())
    while True:
        connection, is_reused = _take_connection(origin, connect_timeout)
        try:
            if not is_reused:
                connection.connect()
            connection.sock.settimeout(read_timeout)  # pyright: ignore - the standard library's types say it is None
            connection.request("POST", "/", content, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except TimeoutError:
            connection.close()
            return 0, ""
        except (OSError, HTTPException):
            connection.close()
            if is_reused:
                continue
            return 0, ""
        if response.will_close:
            connection.close()
        else:
            _idle_connections[origin] = (connection, time.time())
        return response.status, text


def is_transient(status: int, body: str) -> bool:
    """Whether a response says that the same request may succeed later: none, 5xx, 429, or throttled."""
    return not 200 <= status < 500 or status == 429 or "Throttling" in body


def get_error_code(body: str) -> str:
    """Return the code of an error response, such as `ResourceNotFoundException`; empty if there is none."""
    import json

    try:
        error = json.loads(body)
    except ValueError:
        return ""
    # Some services put a namespace before the code.
    return str(error.get("__type", "")).rpartition("#")[2] if isinstance(error, dict) else ""  # pyright: ignore


def sign(access: AwsAccess, service: Service, action: str, host: str, content: bytes, now: float) -> dict[str, str]:
    """Return the headers of a POST to `/`, with its signature (AWS, "Signature Version 4 signing process").

    Args:
        access: The credentials.
        service: The service.
        action: Such as `StartExecution`.
        host: Host and, unless it is the default, port.
        content: The body.
        now: Seconds since 1970. AWS refuses a signature that is more than 5 minutes old.
    """
    import hashlib
    import hmac

    target, content_type = _PROTOCOLS[service]
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {
        "content-type": content_type, "host": host, "x-amz-date": timestamp, "x-amz-target": f"{target}.{action}",
    }  # fmt: skip
    if access.token:
        headers["x-amz-security-token"] = access.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical_request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(content).hexdigest()}"
    scope = f"{timestamp[:8]}/{access.region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    key = f"AWS4{access.secret_key}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"AWS4-HMAC-SHA256 Credential={access.access_key}/{scope}"
    return {**headers, "authorization": f"{credential}, SignedHeaders={names}, Signature={key.hex()}"}


def _take_connection(origin: _Origin, connect_timeout: float) -> "tuple[HTTPConnection, bool]":
    """Return a connection, and whether it is an open one. Taken out of the dictionary, so threads share none."""
    connection, used_at = _idle_connections.pop(origin, (None, 0.0))
    if connection is not None:
        if 0 <= time.time() - used_at < _MAX_IDLE_SECONDS and connection.sock is not None:
            return connection, True
        connection.close()
    return _create_connection(origin, connect_timeout), False


def _create_connection(origin: _Origin, timeout: float) -> "HTTPConnection":
    from http.client import HTTPConnection, HTTPSConnection

    scheme, host = origin
    if scheme == "http":
        return HTTPConnection(host, timeout=timeout)
    # One context per process: to make one loads all CA certificates.
    global _tls_context
    if _tls_context is None:
        from ssl import create_default_context

        _tls_context = create_default_context()
    return HTTPSConnection(host, timeout=timeout, context=_tls_context)
