"""What may be told of an error that is not ours."""

from collections.abc import Iterable

from pydantic import ValidationError

from ..errors import PointsmanError
from .validation import format_issues, to_issues

__all__ = ["safe_error_text"]

_MAX_LENGTH = 500

_UNSAFE_PACKAGES = {"psycopg", "psycopg_pool", "httpx", "httpcore", "botocore", "boto3", "urllib3", "sqlalchemy"}
"""Packages whose errors may quote a credential: a connection string, an address, a header."""


def safe_error_text(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """The error in at most 500 characters, for a client or a model to read.

    An error of ours tells its message. Of one of a database, an HTTP library or AWS only the class is told, and of one
    of pydantic what is wrong where, without the values. Any other tells its own text without these `secrets`, or its
    class where it has none.
    """
    kind = type(error).__name__
    if isinstance(error, PointsmanError):
        text = error.message
    elif isinstance(error, ValidationError):
        text = f"{kind}: {format_issues(to_issues(error))}"
    elif any(one.__module__.partition(".")[0] in _UNSAFE_PACKAGES for one in type(error).__mro__):
        text = kind
    else:
        text = _message_or_empty(error) or kind
    for secret in sorted({one for one in secrets if len(one) >= 4}, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = text.encode(errors="replace").decode()
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"


def _message_or_empty(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # noqa: BLE001 - an error that cannot be written is known by its class
        return ""
