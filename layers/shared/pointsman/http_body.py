"""Bodies of responses, read up to a limit. Decompressed bytes count, and no more of them than the limit are made."""

import zlib

import httpx

__all__ = ["ACCEPTED_ENCODING", "BodyTooLarge", "read_body"]

ACCEPTED_ENCODING = "gzip"
"""The value of `Accept-Encoding`: the only content coding that `read_body` decodes."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class BodyTooLarge(httpx.DecodingError):
    """A body that is larger than its reader takes. It counts as one that cannot be decoded."""


def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """Read the body of a response that was requested with `stream=True`.

    httpx's own decoders inflate a whole piece of the network at once, up to a thousand times its size. The caller
    closes the response, which drops the connection if the body was not read to its end.

    Args:
        response: The response.
        max_bytes: The most bytes that the body may have, both as sent and decompressed.

    Raises:
        BodyTooLarge: it has more.
        httpx.DecodingError: its content coding is another than gzip, or it is not valid gzip.
        httpx.TransportError: it does not arrive, or not in time.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise httpx.DecodingError("the content coding is not gzip")
    decompressor = zlib.decompressobj(_GZIP_WINDOW) if coding.endswith("gzip") else None
    body, received = bytearray(), 0
    for piece in response.iter_raw():
        received += len(piece)
        if received > max_bytes:
            raise BodyTooLarge(_describe(max_bytes))
        if decompressor is None:
            body += piece
        elif not decompressor.eof:
            try:
                body += decompressor.decompress(piece, max_bytes + 1 - len(body))
            except zlib.error:
                raise httpx.DecodingError("the body is not gzip") from None
            if len(body) > max_bytes:
                raise BodyTooLarge(_describe(max_bytes))
    if decompressor is not None and received and not decompressor.eof:
        raise httpx.DecodingError("the compressed body is incomplete")
    return bytes(body)


def _describe(max_bytes: int) -> str:
    return f"over {max_bytes / 1024 / 1024:g} MiB"
