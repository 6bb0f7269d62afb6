"""The base class of all errors, and the problems with an input."""

from collections.abc import Mapping
from typing import ClassVar, TypedDict

__all__ = ["Issue", "PointsmanError"]


class Issue(TypedDict):
    """A problem with one part of an input. `path` leads to it: names of members, indexes of elements from 0."""

    path: list[str | int]
    message: str


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
