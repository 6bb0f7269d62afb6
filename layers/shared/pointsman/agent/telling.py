"""What may be told of an error that is not ours."""

from collections.abc import Iterable

from pydantic import ValidationError

from ..errors import PointsmanError
from .checking import issues_of

__all__ = ["readable"]

_LONGEST = 500

_UNSAFE = {"psycopg", "psycopg_pool", "httpx", "httpcore", "botocore", "boto3", "urllib3", "sqlalchemy"}
"""Packages whose errors may quote a credential: a connection string, an address, a header."""


def readable(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """The error in at most 500 characters, for a client or a model to read.

    An error of ours tells its message. Of one of a database, an HTTP library or AWS only the class is told, and of one
    of pydantic what is wrong where, without the values. Any other tells its own text without these `secrets`, or its
    class where it has none.
    """
    kind = type(error).__name__
    if isinstance(error, PointsmanError):
        text = error.message
    elif isinstance(error, ValidationError):
        wrong = [f"{'.'.join(map(str, issue['path'])) or 'value'}: {issue['message']}" for issue in issues_of(error)]
        text = f"{kind}: {'; '.join(wrong)}"
    elif any(one.__module__.partition(".")[0] in _UNSAFE for one in type(error).__mro__):
        text = kind
    else:
        text = _own_text(error) or kind
    for secret in sorted({one for one in secrets if len(one) >= 4}, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = text.encode(errors="replace").decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _own_text(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # noqa: BLE001 - an error that cannot be written is known by its class
        return ""
