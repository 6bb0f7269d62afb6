"""Server-sent events out of the bytes of an answer, whatever pieces they come in."""

from collections.abc import Iterable, Iterator

__all__ = ["events"]


def events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event; an empty string for a comment, which says only that the sender is still there.

    Lines end as the format has them, not as `str.splitlines` would: JSON may hold U+2028. Data that the end of the
    bytes cuts off is given too.
    """
    data: list[str] = []
    for line in _lines(chunks):
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


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines that end in CR, LF or both."""
    rest, after_cr = bytearray(), False
    for chunk in chunks:
        if after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # noqa: PLW2901 - the second half of a line's end
        after_cr = after_cr and not chunk
        if not chunk:
            continue
        after_cr = chunk.endswith(b"\r")
        rest += chunk
        if b"\n" not in chunk and b"\r" not in chunk:
            continue
        *whole, last = bytes(rest).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = bytearray(last)
        for line in whole:
            yield line.decode("utf-8", "replace").removeprefix("\ufeff")
    if rest:
        yield rest.decode("utf-8", "replace")
