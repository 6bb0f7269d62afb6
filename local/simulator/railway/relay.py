"""Relay pagination: a cursor names a place in the order, so it stays honest while things come and go."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Protocol

from local.simulator.config import RailwayConfig
from local.simulator.railway.problems import Problem
from local.simulator.wire import Obj


class Listed(Protocol):
    """What can be paged."""

    @property
    def id(self) -> str: ...

    @property
    def created_at(self) -> float: ...


Place = tuple[float, str]


def place(item: Listed) -> Place:
    return item.created_at, item.id


def cursor(item: Listed) -> str:
    return base64.b64encode(f"{item.created_at!r}|{item.id}".encode()).decode()


def _read(text: str) -> Place:
    try:
        moment, _, item_id = base64.b64decode(text, validate=True).decode().partition("|")
        return float(moment), item_id
    except (binascii.Error, ValueError):
        raise Problem("Problem processing request") from None


def _count(args: Mapping[str, object], name: str) -> int | None:
    value = args.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or value < 0:
        raise Problem(f"{name} must not be negative", "BAD_USER_INPUT")
    return value


def connection(
    items: Iterable[Listed], args: Mapping[str, object], settings: RailwayConfig, newest_first: bool = False
) -> Obj:
    """One page of a connection; `first` (or `last`) is capped, and has a default when it is omitted."""
    ordered = sorted(items, key=place, reverse=newest_first)
    before_start = after_end = False
    if isinstance(after := args.get("after"), str):
        start = _read(after)
        kept = [item for item in ordered if (place(item) < start if newest_first else place(item) > start)]
        before_start, ordered = len(kept) < len(ordered), kept
    if isinstance(before := args.get("before"), str):
        end = _read(before)
        kept = [item for item in ordered if (place(item) > end if newest_first else place(item) < end)]
        after_end, ordered = len(kept) < len(ordered), kept
    first, last = _count(args, "first"), _count(args, "last")
    if last is not None and first is None:
        size = min(last, settings.page_max)
        page = ordered[-size:] if size else []
        before_start = before_start or len(ordered) > len(page)
    else:
        page = ordered[: min(settings.page_default if first is None else first, settings.page_max)]
        after_end = after_end or len(ordered) > len(page)
    edges = [{"cursor": cursor(item), "node": item} for item in page]
    return {
        "edges": edges,
        "pageInfo": {
            "hasNextPage": after_end, "hasPreviousPage": before_start,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }  # fmt: skip
