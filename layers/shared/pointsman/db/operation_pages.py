"""The table `operations` as a list for readers: pages, the newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ..list_cursor import ListCursor
from .connection import Connection
from .operations import OperationKind, OperationStatus
from .rows import build_page_filter, fetch_all

__all__ = ["OperationFilter", "OperationSummary", "list_newest"]


@dataclass(frozen=True, slots=True)
class OperationSummary:
    """A row of `operations` without the request and the result; `asked_by` is None for one of before the audit log."""

    id: str
    instance_id: str
    kind: OperationKind
    status: OperationStatus
    undoing: bool
    error: dict[str, Any] | None
    asked_by: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


class OperationFilter(NamedTuple):
    """What is listed: operations that fit all that is not None."""

    status: str | None = None
    kind: str | None = None
    instance_id: str | None = None


def list_newest(
    connection: Connection, which: OperationFilter, after: ListCursor | None, limit: int
) -> list[OperationSummary]:
    """Return the newest operations of the filter, the newest first.

    Args:
        connection: The connection of the transaction.
        which: The filter.
        after: The place of the last operation of the page before; None for the first page.
        limit: How many operations at most.
    """
    where, parameters = build_page_filter(
        [("status = %s", which.status), ("kind = %s", which.kind), ("instance_id = %s", which.instance_id)],
        "created_at, id",
        after,
    )
    return fetch_all(
        connection,
        OperationSummary,
        "SELECT id, instance_id, kind, status, undoing, error, asked_by, created_at, updated_at FROM operations"
        f" WHERE {where} ORDER BY created_at DESC, id DESC LIMIT %s",
        [*parameters, limit],
    )
