"""A bound of listings: a provider that always names one more page would be read until the function ends."""

from collections.abc import Iterator

from .http_client import HttpClient

__all__ = ["MAX_PAGES", "count_pages"]

MAX_PAGES = 200
"""The most pages of a listing: 100,000 rows of the pages that are asked for, 20,000 where a server gives 100."""


def count_pages(http_client: HttpClient, step: str) -> Iterator[int]:
    """Yield the numbers of a listing's pages, from 1.

    Raises:
        ProviderUnavailable: there are more than `MAX_PAGES`. A part of a listing would look like the whole.
    """
    yield from range(1, MAX_PAGES + 1)
    raise http_client.unexpected_response(step, f"a listing of more than {MAX_PAGES} pages")
