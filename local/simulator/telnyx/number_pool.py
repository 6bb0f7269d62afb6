"""The numbers for sale: plausible US numbers on the 555 exchange, which has no subscribers."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class RateCenter:
    """An area code with its locality and two-letter state."""

    area_code: str
    locality: str
    state: str


RATE_CENTERS = (
    RateCenter("970", "FORT COLLINS", "CO"),
    RateCenter("415", "SAN FRANCISCO", "CA"),
    RateCenter("212", "NEW YORK", "NY"),
    RateCenter("312", "CHICAGO", "IL"),
    RateCenter("512", "AUSTIN", "TX"),
    RateCenter("206", "SEATTLE", "WA"),
    RateCenter("617", "BOSTON", "MA"),
    RateCenter("305", "MIAMI", "FL"),
    RateCenter("503", "PORTLAND", "OR"),
    RateCenter("404", "ATLANTA", "GA"),
)
_LINE_COUNT = 10_000
_LINE_STEP = 3_711  # coprime to _LINE_COUNT, so the sequence visits every line


def find_rate_center(phone_number: str) -> RateCenter | None:
    """Return the rate center of an E.164 number, None for a number outside the pool."""
    return next((place for place in RATE_CENTERS if phone_number.startswith(f"+1{place.area_code}555")), None)


def iter_numbers_for_sale() -> Iterator[str]:
    """Iterate over all numbers for sale (E.164), in the order of search results."""
    line = 98
    for _ in range(_LINE_COUNT):
        for place in RATE_CENTERS:
            yield f"+1{place.area_code}555{line:04d}"
        line = (line + _LINE_STEP) % _LINE_COUNT
