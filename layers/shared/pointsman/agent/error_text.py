"""Text of an error that a client or a model may read, whatever raised it."""

from collections.abc import Iterable

from pydantic import ValidationError

from ..errors import PointsmanError
from .validation import format_issues, to_issues

__all__ = ["safe_error_text"]

_MAX_LENGTH = 500

_UNSAFE_PACKAGES = {"psycopg", "psycopg_pool", "httpx", "httpcore", "botocore", "boto3", "urllib3", "sqlalchemy"}
"""Packages whose error messages may hold a credential: in a connection string, a URL or a header."""


def safe_error_text(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Build a text of at most 500 characters that is safe to show to a client or a model.

    | error | text |
    |---|---|
    | PointsmanError | its message |
    | of a database driver, an HTTP library or AWS | its class only |
    | pydantic's ValidationError | its issues, without the values |
    | any other | its message, or its class if it has none |

    Args:
        error: any exception.
        secrets: values that are replaced by `***`; those under 4 characters are ignored.
    """
    kind = type(error).__name__
    if isinstance(error, PointsmanError):
        text = error.message
    elif isinstance(error, ValidationError):
        text = f"{kind}: {format_issues(to_issues(error))}"
    elif any(base.__module__.partition(".")[0] in _UNSAFE_PACKAGES for base in type(error).__mro__):
        text = kind
    else:
        text = _message_or_empty(error) or kind
    for secret in sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = text.encode(errors="replace").decode()
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"


def _message_or_empty(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # noqa: BLE001 - `__str__` of a foreign exception may raise anything
        return ""
