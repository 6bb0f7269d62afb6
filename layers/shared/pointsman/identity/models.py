"""The caller of the Agent API, and the form of user ids."""

from typing import NamedTuple

__all__ = [
    "KEYS_UNAVAILABLE",
    "MAX_USER_ID_LENGTH",
    "MISCONFIGURED",
    "NOT_THROUGH_CLOUDFRONT",
    "SECRETS_UNAVAILABLE",
    "Caller",
    "is_user_id",
]

KEYS_UNAVAILABLE = "unavailable"
"""The `problem` of a caller who cannot be identified at present: the issuer's keys could not be fetched."""

NOT_THROUGH_CLOUDFRONT = "not through CloudFront"
"""The `problem` of a request to an API's own address, past CloudFront and its web ACL."""

MISCONFIGURED = "misconfigured"
"""The `problem` of every caller while a setting or a secret of the authorizer is missing or wrong."""

SECRETS_UNAVAILABLE = "secrets unavailable"
"""The `problem` of a caller who cannot be identified at present: Secrets Manager does not answer."""

MAX_USER_ID_LENGTH = 256
"""The longest user id, in characters."""


class Caller(NamedTuple):
    """The user's id and permissions, or, if the id is empty, what prevented the identification (safe to show)."""

    user: str
    problem: str = ""
    permissions: tuple[str, ...] = ()


def is_user_id(text: str) -> bool:
    """Return whether the text is 1 to 256 visible ASCII characters."""
    return 1 <= len(text) <= MAX_USER_ID_LENGTH and text.isascii() and text.isprintable() and " " not in text
