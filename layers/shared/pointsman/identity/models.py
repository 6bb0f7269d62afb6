"""The caller of the Agent API, and which user ids there can be."""

from typing import NamedTuple

__all__ = ["KEYS_UNAVAILABLE", "MAX_USER_ID_LENGTH", "Caller", "is_user_id"]

KEYS_UNAVAILABLE = "unavailable"
"""The `problem` of a caller who cannot be identified now: the issuer's keys could not be fetched."""

MAX_USER_ID_LENGTH = 256
"""In characters."""


class Caller(NamedTuple):
    """Who the caller is, or why that is not known. An empty `user` is nobody; `problem` is safe to show."""

    user: str
    problem: str = ""


def is_user_id(text: str) -> bool:
    """Whether the text is 1 to 256 visible ASCII characters."""
    return 1 <= len(text) <= MAX_USER_ID_LENGTH and text.isascii() and text.isprintable() and " " not in text
