"""Incremental parser of server-sent events."""

from collections.abc import Iterable, Iterator

from .read_limits import MAX_BODY_BYTES, AnswerTooLong

__all__ = ["iter_event_data"]


def iter_event_data(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event, and an empty string for each comment, which is a heartbeat.

    Lines end at CR, LF or CRLF only: `str.splitlines` would split at U+2028, which JSON may contain. An event that the
    end of the bytes leaves without its blank line is yielded too.

    Args:
        chunks: the response's body in chunks of any size.

    Raises:
        AnswerTooLong: a line or an event is over `MAX_BODY_BYTES`.
    """
    data, size = list[str](), 0
    for line in _split_lines(chunks):
        if line.startswith(":"):
            yield ""
        elif line.startswith("data"):
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
                size += len(line)
                _require_short(size)
        elif not line and data:
            yield "\n".join(data)
            data, size = [], 0
    if data:
        yield "\n".join(data)


def _split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield lines without their ends: CR, LF or CRLF."""
    buffer, after_cr = bytearray(), False
    for chunk in chunks:
        if after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # noqa: PLW2901 - the LF of a CRLF that was split between two chunks
        after_cr = after_cr and not chunk
        if not chunk:
            continue
        after_cr = chunk.endswith(b"\r")
        buffer += chunk
        _require_short(len(buffer) - len(chunk))
        if b"\n" not in chunk and b"\r" not in chunk:
            continue
        *complete_lines, last = bytes(buffer).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        buffer = bytearray(last)
        for line in complete_lines:
            yield line.decode("utf-8", "replace").removeprefix("\ufeff")
    if buffer:
        yield buffer.decode("utf-8", "replace")


def _require_short(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise AnswerTooLong(f"{MAX_BODY_BYTES} bytes for one event")
