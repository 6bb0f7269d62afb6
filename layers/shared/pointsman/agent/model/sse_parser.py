"""Server-sent events out of the bytes of an answer, whatever pieces they come in."""

from collections.abc import Iterable, Iterator

__all__ = ["iter_event_data"]


def iter_event_data(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event; an empty string for a comment, which says only that the sender is still there.

    Lines end as the format has them, not as `str.splitlines` would: JSON may hold U+2028. Data that the end of the
    bytes cuts off is given too.
    """
    data: list[str] = []
    for line in _split_lines(chunks):
        if line.startswith(":"):
            yield ""
        elif line.startswith("data"):
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def _split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines that end in CR, LF or both."""
    buffer, after_cr = bytearray(), False
    for chunk in chunks:
        if after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # noqa: PLW2901 - the second half of a line's end
        after_cr = after_cr and not chunk
        if not chunk:
            continue
        after_cr = chunk.endswith(b"\r")
        buffer += chunk
        if b"\n" not in chunk and b"\r" not in chunk:
            continue
        *complete_lines, last = bytes(buffer).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        buffer = bytearray(last)
        for line in complete_lines:
            yield line.decode("utf-8", "replace").removeprefix("\ufeff")
    if buffer:
        yield buffer.decode("utf-8", "replace")
