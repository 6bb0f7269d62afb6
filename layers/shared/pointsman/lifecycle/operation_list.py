"""The list of operations for a client, page by page, the newest first."""

from typing import get_args

from ..db import operation_pages
from ..db.connection import run_in_transaction
from ..db.operation_pages import OperationFilter, OperationSummary
from ..db.operations import OperationKind, OperationStatus
from ..json_values import as_object
from ..list_cursor import ListCursor, format_cursor
from ..timestamps import format_timestamp
from .list_parameters import parse_choice, parse_id, parse_page_request

__all__ = ["KINDS", "STATUSES", "list_operations", "serialize_summary"]

KINDS: tuple[str, ...] = get_args(OperationKind)
STATUSES: tuple[str, ...] = get_args(OperationStatus)


def list_operations(
    *,
    status: str | None = None,
    kind: str | None = None,
    instance_id: str | None = None,
    cursor: str | None = None,
    limit: str | None = None,
) -> dict[str, object]:
    """List a page of operations as JSON.

    Args:
        status: one of `STATUSES`.
        kind: one of `KINDS`.
        instance_id: the instance's id.
        cursor: the `nextCursor` of the page before.
        limit: how many operations at most, 1 to 200; 50 by default.

    Returns:
        `operations`, and `nextCursor` if there are more.

    Raises:
        InvalidInput: a value is wrong; the message says what it must be.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    which = OperationFilter(
        parse_choice("status", status, STATUSES),
        parse_choice("kind", kind, KINDS),
        parse_id("instanceId", instance_id),
    )
    after, count = parse_page_request(cursor, limit)
    found = run_in_transaction(operation_pages.list_newest, which, after, count + 1)
    page: dict[str, object] = {"operations": [serialize_summary(operation) for operation in found[:count]]}
    if len(found) > count:
        last = found[count - 1]
        page["nextCursor"] = format_cursor(ListCursor(last.created_at, last.id))
    return page


def serialize_summary(operation: OperationSummary) -> dict[str, object]:
    """Return the operation as JSON, without steps and result. `askedBy` is who asked for it, null if unknown."""
    asked_by = as_object(operation.asked_by)
    summary: dict[str, object] = {
        "operationId": operation.id,
        "instanceId": operation.instance_id,
        "kind": operation.kind,
        "status": operation.status,
        "isUndoing": operation.status == "running" and operation.undoing,
        "askedBy": {"kind": asked_by["kind"], "id": asked_by["id"]} if asked_by else None,
        "createdAt": format_timestamp(operation.created_at),
        "updatedAt": format_timestamp(operation.updated_at),
    }
    if operation.error is not None:
        summary["error"] = operation.error
    return summary
