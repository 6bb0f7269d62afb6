"""Relay pagination. A cursor encodes a sort key, so it stays valid while items are added and deleted."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Protocol

from local.simulator.config import RailwayConfig
from local.simulator.http.messages import Obj
from local.simulator.railway.errors import BusinessError


class Pageable(Protocol):
    """An item of a connection; pages are ordered by (`created_at`, `id`)."""

    @property
    def id(self) -> str:
        """Unique id, which breaks ties of `created_at`."""
        ...

    @property
    def created_at(self) -> float:
        """Time of creation, in seconds since the epoch."""
        ...


SortKey = tuple[float, str]


def get_sort_key(item: Pageable) -> SortKey:
    """Return the item's (`created_at`, `id`)."""
    return item.created_at, item.id


def encode_cursor(item: Pageable) -> str:
    """Encode the item's sort key as an opaque base64 string."""
    return base64.b64encode(f"{item.created_at!r}|{item.id}".encode()).decode()


def _decode_cursor(cursor: str) -> SortKey:
    try:
        created_at, _, item_id = base64.b64decode(cursor, validate=True).decode().partition("|")
        return float(created_at), item_id
    except (binascii.Error, ValueError):
        raise BusinessError("Problem processing request") from None


def _get_count(args: Mapping[str, object], name: str) -> int | None:
    value = args.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or value < 0:
        raise BusinessError(f"{name} must not be negative", "BAD_USER_INPUT")
    return value


def build_connection(
    items: Iterable[Pageable], args: Mapping[str, object], settings: RailwayConfig, newest_first: bool = False
) -> Obj:
    """Build one page of a Relay connection.

    Args:
        items: All items of the connection, in any order.
        args: The field's arguments; `first`, `last`, `after` and `before` are used.
        settings: `page_default` applies without `first` and `last`; `page_max` caps both.
        newest_first: Sort by descending creation time.

    Returns:
        The connection with `edges` and `pageInfo`.

    Raises:
        BusinessError: A cursor cannot be decoded, or a count is negative.
    """
    ordered = sorted(items, key=get_sort_key, reverse=newest_first)
    has_previous = has_next = False
    if isinstance(after := args.get("after"), str):
        start = _decode_cursor(after)
        kept = [
            item for item in ordered if (get_sort_key(item) < start if newest_first else get_sort_key(item) > start)
        ]
        has_previous, ordered = len(kept) < len(ordered), kept
    if isinstance(before := args.get("before"), str):
        end = _decode_cursor(before)
        kept = [item for item in ordered if (get_sort_key(item) > end if newest_first else get_sort_key(item) < end)]
        has_next, ordered = len(kept) < len(ordered), kept
    first, last = _get_count(args, "first"), _get_count(args, "last")
    if last is not None and first is None:
        size = min(last, settings.page_max)
        page = ordered[-size:] if size else []
        has_previous = has_previous or len(ordered) > len(page)
    else:
        page = ordered[: min(settings.page_default if first is None else first, settings.page_max)]
        has_next = has_next or len(ordered) > len(page)
    edges = [{"cursor": encode_cursor(item), "node": item} for item in page]
    return {
        "edges": edges,
        "pageInfo": {
            "hasNextPage": has_next, "hasPreviousPage": has_previous,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }  # fmt: skip
