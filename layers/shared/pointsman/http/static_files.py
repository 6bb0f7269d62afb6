"""Files that were compressed when they were built, for pages: each name holds the version of its content."""

import gzip
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response

__all__ = ["SECURITY_HEADERS", "serve_compressed"]

SECURITY_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
"""For every response of a page."""

_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def serve_compressed(file: Path, request_headers: Mapping[str, str]) -> Response:
    """Make the response with a file: compressed if the client accepts gzip, 304 if it has this version.

    Clients may cache it without limit, since another content has another name.

    Args:
        file: the file, whose name ends in `.gz`; it is named to clients without that.
        request_headers: with lower-case names.
    """
    name = file.stem
    # Without the header a client accepts every encoding (RFC 9110, 12.5.3).
    compressed = _accepts_gzip(request_headers.get("accept-encoding", "gzip"))
    etag = f'"{name}{".gz" if compressed else ""}"'
    response_headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": etag,
        "vary": "accept-encoding",
        **SECURITY_HEADERS,
    }
    if etag in request_headers.get("if-none-match", ""):
        return Response(status_code=304, headers=response_headers)
    body = file.read_bytes()
    if compressed:
        response_headers["content-encoding"] = "gzip"
    media_type = _MEDIA_TYPES[Path(name).suffix]
    return Response(body if compressed else gzip.decompress(body), media_type=media_type, headers=response_headers)


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether a value of Accept-Encoding accepts gzip: listed, or covered by `*`, with a weight above 0."""
    qualities: dict[str, str] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        qualities[coding.strip()] = parameter.strip().removeprefix("q=") or "1"
    gzip_quality = qualities.get("gzip", qualities.get("*", "0"))
    try:
        return float(gzip_quality) > 0
    except ValueError:
        return False
