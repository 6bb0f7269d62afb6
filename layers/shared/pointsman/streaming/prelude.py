"""What comes before a streamed body: status, headers and cookies as JSON, and eight NUL bytes."""

import json
from collections.abc import Iterable

__all__ = ["encode_prelude"]

_MAX_PRELUDE_BYTES = 16 * 1024
_PRELUDE_END = b"\0" * 8
# About one connection, and the gateway's own business.
_DROPPED_HEADERS = {"connection", "content-length", "keep-alive", "transfer-encoding"}


def encode_prelude(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The prelude of an ASGI response. Several values of a header are joined by commas; cookies stay apart.

    Raises:
        ValueError: it is longer than the 16 KB in which a gateway looks for its end.
    """
    joined_headers: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "set-cookie":
            cookies.append(value)
        elif name not in _DROPPED_HEADERS:
            joined_headers[name] = f"{joined_headers[name]}, {value}" if name in joined_headers else value
    encoded = json.dumps({"statusCode": status, "headers": joined_headers, "cookies": cookies}).encode() + _PRELUDE_END
    if len(encoded) > _MAX_PRELUDE_BYTES:
        raise ValueError(f"the response's headers are longer than {_MAX_PRELUDE_BYTES} bytes")
    return encoded
