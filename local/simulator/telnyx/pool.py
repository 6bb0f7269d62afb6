"""Numbers that can be bought: plausible US ones on the 555 exchange, which no subscriber has."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    area_code: str
    locality: str
    state: str


PLACES = (
    Place("970", "FORT COLLINS", "CO"), Place("415", "SAN FRANCISCO", "CA"), Place("212", "NEW YORK", "NY"),
    Place("312", "CHICAGO", "IL"), Place("512", "AUSTIN", "TX"), Place("206", "SEATTLE", "WA"),
    Place("617", "BOSTON", "MA"), Place("305", "MIAMI", "FL"), Place("503", "PORTLAND", "OR"),
    Place("404", "ATLANTA", "GA"),
)  # fmt: skip
_LINES = 10_000
_STEP = 3_711  # has no factor in common with 10 000, so that it walks through all lines


def place_of(phone_number: str) -> Place | None:
    return next((place for place in PLACES if phone_number.startswith(f"+1{place.area_code}555")), None)


def stock() -> Iterator[str]:
    """All numbers for sale, in the order in which everybody is offered them."""
    line = 98
    for _ in range(_LINES):
        for place in PLACES:
            yield f"+1{place.area_code}555{line:04d}"
        line = (line + _STEP) % _LINES
