"""The base class of all errors, and the problems with an input."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypedDict

__all__ = ["MAX_ISSUES", "Issue", "PointsmanError", "limit_issues"]

MAX_ISSUES = 20
"""The most problems of an input that are told; the number of the others follows."""

_MAX_PATH_PARTS = 20
_MAX_PART_CHARS = 100
_MAX_MESSAGE_CHARS = 300


class Issue(TypedDict):
    """A problem with one part of an input. `path` leads to it: names of members, indexes of elements from 0."""

    path: list[str | int]
    message: str


def limit_issues(issues: Sequence[Issue]) -> list[Issue]:
    """Return the first issues, with paths and messages of bounded length, and one more that counts the others.

    What is limited already stays as it is.
    """
    count = len(issues) if len(issues) <= MAX_ISSUES + 1 else MAX_ISSUES
    limited: list[Issue] = [
        {"path": _limit_path(issue["path"]), "message": _cut(issue["message"], _MAX_MESSAGE_CHARS)}
        for issue in issues[:count]
    ]
    if count < len(issues):
        limited.append({"path": [], "message": f"… and {len(issues) - count} more"})
    return limited


def _limit_path(path: Sequence[str | int]) -> list[str | int]:
    parts: list[str | int] = [
        _cut(part, _MAX_PART_CHARS) if isinstance(part, str) else part for part in path[:_MAX_PATH_PARTS]
    ]
    return [*parts[:-1], "…"] if len(path) > _MAX_PATH_PARTS else parts


def _cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


class PointsmanError(Exception):
    """The base class.

    Attributes:
        status: The HTTP status.
        code: The code in the client's error body. It never changes.
        retryable: Whether a retry of the same request may succeed.
        message: Safe to show to a client.
        details: Further keys of the client's error body.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: bool = False

    def __init__(self, message: str, *, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, object] = dict(details or {})
