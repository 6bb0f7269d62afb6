"""Sizes of responses: what fits into one, and how much of a list a page may have.

Lambda takes a function's response as JSON, of at most 6,291,556 bytes. The body of an HTTP response is a text in it, so
its quotation marks, backslashes and control characters are escaped once more.
"""

import json
from collections.abc import Iterable

__all__ = ["MAX_PAGE_BYTES", "MAX_RESPONSE_BYTES", "count_fitting", "measure_body", "measure_value"]

MAX_RESPONSE_BYTES = 6_291_556
"""Of a function's response as JSON (AWS, Lambda quotas: invocation payload)."""

MAX_PAGE_BYTES = 4_000_000
"""Of the elements of a page, as they count in a response."""


def measure_body(body: str) -> int:
    """Return how many bytes the body of an HTTP response takes in the function's response."""
    return len(json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass"))


def measure_value(value: object) -> int:
    """Return how many bytes a JSON value takes in the function's response."""
    return measure_body(json.dumps(value, ensure_ascii=False))


def count_fitting(elements: Iterable[object], *, at_least: int = 1) -> int:
    """Return how many of the first elements fit into a page.

    Args:
        elements: JSON values.
        at_least: how many count whatever their size. A page needs one, or none would come after it.
    """
    size = count = 0
    for element in elements:
        size += measure_value(element)
        if size > MAX_PAGE_BYTES and count >= at_least:
            break
        count += 1
    return count
