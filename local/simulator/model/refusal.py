"""One refusal of a request, and the rule about names that tools and replayed calls share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

NAME = re.compile(r"[a-zA-Z0-9_-]+")


@dataclass(frozen=True)
class Refusal:
    """What is wrong, where (null: nowhere in particular), and its code."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400


def wrong_name(name: str, place: str, longest: int) -> Iterator[Refusal]:
    if not NAME.fullmatch(name):
        pattern = "^[a-zA-Z0-9_-]+$"
        message = (
            f"Invalid '{place}': string does not match pattern. Expected a string that matches the pattern '{pattern}'."
        )
        yield Refusal(message, place, "invalid_value")
    if len(name) > longest:
        message = f"Invalid '{place}': string too long. Expected a string with maximum length {longest}."
        yield Refusal(message, place, "string_above_max_length")
