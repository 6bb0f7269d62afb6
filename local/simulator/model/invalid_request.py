"""A validation error, and the name rule that tools and replayed calls share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

NAME_PATTERN = re.compile(r"[a-zA-Z0-9_-]+")


@dataclass(frozen=True)
class InvalidRequest:
    """A validation error; `param` is the path of the invalid parameter, None for the request as a whole."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400


def find_name_errors(name: str, place: str, max_length: int) -> Iterator[InvalidRequest]:
    """Yield errors for a function name with characters outside `[a-zA-Z0-9_-]` or above the maximum length."""
    if not NAME_PATTERN.fullmatch(name):
        pattern = "^[a-zA-Z0-9_-]+$"
        message = (
            f"Invalid '{place}': string does not match pattern. Expected a string that matches the pattern '{pattern}'."
        )
        yield InvalidRequest(message, place, "invalid_value")
    if len(name) > max_length:
        message = f"Invalid '{place}': string too long. Expected a string with maximum length {max_length}."
        yield InvalidRequest(message, place, "string_above_max_length")
