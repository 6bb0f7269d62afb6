"""How much of a model's answer is read. The function that reads it has 512 MB.

What is parsed at once, and what is kept of a stream, count the most: parsed JSON takes up to 25 times the memory of its
text. A stream as a whole may be longer: it repeats its text in several events, each with a frame of some 200 bytes
around a few characters, and holds none of it.
"""

from ...errors import ModelFailed

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_CALLS",
    "MAX_ERROR_BYTES",
    "MAX_EVENTS",
    "MAX_OUTPUT_ITEMS",
    "MAX_STREAM_BYTES",
    "AnswerTooLong",
]

MAX_BODY_BYTES = 6 * 1024 * 1024
"""Bytes of a body that is no stream, of one line and one event of a stream, and of what is kept of all its events."""
MAX_STREAM_BYTES = 64 * 1024 * 1024
"""Bytes of a stream."""
MAX_ERROR_BYTES = 1024 * 1024
"""Bytes of an error's body; a longer one counts as one without a message."""
MAX_EVENTS = 300_000
"""Events of a stream, comments included."""
MAX_OUTPUT_ITEMS = 256
"""Output items of a response, and parts of all its messages."""
MAX_CALLS = 128
"""Tool calls of a response."""


class AnswerTooLong(ModelFailed):
    """The answer is over a limit. Not retryable: it has been paid for, and the next one would be as long."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"The model's answer is over the limit of {limit}")
