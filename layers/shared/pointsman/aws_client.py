"""The AWS client: one signed JSON request (Signature Version 4), over a socket.

An own client, because botocore's signer and HTTP session alone cost more CPU than both authorizers together. Not over
`http.client`, which loads a parser of e-mails for the headers (docs/decisions/0014).
"""

import time
from typing import TYPE_CHECKING, BinaryIO, Literal

from . import deadlines
from .socket_reader import open_reader

if TYPE_CHECKING:
    from socket import socket
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

_MAX_HEADER_LINES = 100
_MAX_LINE_BYTES = 16 * 1024
_MAX_BODY_BYTES = 1024 * 1024
"""A secret has up to 64 KB; an execution up to 256 KB of input and as much of output."""

_tls_context: "SSLContext | None" = None


class _Connection:
    """An open connection, and when it was last used."""

    __slots__ = ("reader", "socket", "socket_reader", "used_at")

    def __init__(self, connected_socket: "socket") -> None:
        self.socket = connected_socket
        self.reader, self.socket_reader = open_reader(connected_socket, 0.0)
        self.used_at = 0.0

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


_idle_connections: dict[str, _Connection] = {}
"""By scheme, host and port. A connection in use is taken out, so threads share none."""


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

    A request on a kept connection that turns out to be closed is sent again, so actions must be idempotent. Nothing is
    waited for beyond the invocation's deadline (`deadlines`).

    Args:
        access: The credentials. Load them again for each request, because they rotate.
        service: The service.
        action: Such as `StartExecution`.
        body: The request in JSON.
        connect_timeout: Seconds for the connection, and as many for TLS.
        read_timeout: Seconds for the request and the whole response.
    """
    # China's regions have a domain of their own.
    domain = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
    scheme, _, rest = (access.endpoint_url or f"https://{service}.{access.region}.{domain}").partition("://")
    host = rest.partition("/")[0]
    content = body.encode()
    headers = {**sign(access, service, action, host, content, time.time()), "content-length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST / HTTP/1.1\r\n{head}\r\n".encode() + content
    while True:
        connection = _take_idle_connection(f"{scheme}://{host}")
        is_reused = connection is not None
        try:
            connection = connection or _connect(scheme, host, _bound(connect_timeout))
            timeout = _bound(read_timeout)
            connection.socket.settimeout(timeout)
            connection.socket_reader.ends_at = time.monotonic() + timeout
            connection.socket.sendall(request)
            status, text, may_be_kept = _read_response(connection.reader)
        except (OSError, ValueError) as error:
            if connection is not None:
                connection.close()
            if is_reused and not isinstance(error, TimeoutError):
                continue
            return 0, ""
        if may_be_kept:
            connection.used_at = time.time()
            _idle_connections[f"{scheme}://{host}"] = connection
        else:
            connection.close()
        return status, text


def _bound(timeout: float) -> float:
    """Return how long may be waited in place of `timeout`. Raises TimeoutError if no time is left."""
    left = min(timeout, deadlines.seconds_left_to_record())
    if left <= 0:
        raise TimeoutError
    return left


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


def _take_idle_connection(origin: str) -> _Connection | None:
    connection = _idle_connections.pop(origin, None)
    if connection is not None and not 0 <= time.time() - connection.used_at < _MAX_IDLE_SECONDS:
        connection.close()
        return None
    return connection


def _connect(scheme: str, host: str, timeout: float) -> _Connection:
    from socket import create_connection

    name, _, port = host.partition(":")
    connected_socket = create_connection((name, int(port or (443 if scheme == "https" else 80))), timeout)
    if scheme == "http":
        return _Connection(connected_socket)
    # One context per process: to make one loads all CA certificates.
    global _tls_context
    if _tls_context is None:
        from ssl import create_default_context

        _tls_context = create_default_context()
    try:
        return _Connection(_tls_context.wrap_socket(connected_socket, server_hostname=name))
    except OSError:
        connected_socket.close()
        raise


def _read_response(reader: BinaryIO) -> tuple[int, str, bool]:
    """Return status, body, and whether the connection may be used again.

    Raises:
        OSError: the connection was closed or timed out.
        ValueError: the response is not HTTP/1.1, or too large.
    """
    version, status, *_reason = _read_line(reader).split(" ", 2)
    if not version.startswith("HTTP/1."):
        raise ValueError("not HTTP/1.1")
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADER_LINES):
        line = _read_line(reader)
        if not line:
            break
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip().lower()
    else:
        raise ValueError("too many headers")
    may_be_kept = version == "HTTP/1.1" and headers.get("connection") != "close"
    if headers.get("transfer-encoding") == "chunked":
        content = b""
        while size := int(_read_line(reader).partition(";")[0], 16):
            content += _read_exactly(reader, size, _MAX_BODY_BYTES - len(content))
            _read_line(reader)
        for _ in range(_MAX_HEADER_LINES):
            if not _read_line(reader):
                break
        else:
            raise ValueError("too many trailers")
    elif "content-length" in headers:
        content = _read_exactly(reader, int(headers["content-length"]), _MAX_BODY_BYTES)
    else:
        content, may_be_kept = reader.read(_MAX_BODY_BYTES + 1), False
        if len(content) > _MAX_BODY_BYTES:
            raise ValueError("the body is too large")
    return int(status), content.decode("utf-8", "replace"), may_be_kept


def _read_line(reader: BinaryIO) -> str:
    line = reader.readline(_MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise ConnectionError("closed within a line, or a line that is too long")
    return line.rstrip(b"\r\n").decode("latin-1")


def _read_exactly(reader: BinaryIO, size: int, max_size: int) -> bytes:
    if size > max_size:
        raise ValueError("the body is too large")
    content = reader.read(size)
    if len(content) < size:
        raise ConnectionError("closed within the body")
    return content
