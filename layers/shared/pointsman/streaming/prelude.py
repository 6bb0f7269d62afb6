"""What comes before a streamed body: status, headers and cookies as JSON, and eight NUL bytes."""

import json
from collections.abc import Iterable

__all__ = ["prelude"]

_LIMIT = 16 * 1024
_END = b"\0" * 8
# About one connection, and the gateway's own business.
_DROPPED = {"connection", "content-length", "keep-alive", "transfer-encoding"}


def prelude(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The prelude of an ASGI response. Several values of a header are joined by commas; cookies stay apart.

    Raises:
        ValueError: it is longer than the 16 KB in which a gateway looks for its end.
    """
    joined: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "set-cookie":
            cookies.append(value)
        elif name not in _DROPPED:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
    text = json.dumps({"statusCode": status, "headers": joined, "cookies": cookies}).encode() + _END
    if len(text) > _LIMIT:
        raise ValueError(f"the response's headers are longer than {_LIMIT} bytes")
    return text
