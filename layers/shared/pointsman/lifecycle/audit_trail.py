"""The audit trail: pages of the audit log for a client, with its filters validated."""

import re
import uuid

from ..db import audit_log
from ..db.audit_log import ACTIONS, AuditEntry, AuditFilter
from ..db.connection import run_in_transaction
from ..list_cursor import ListCursor, format_cursor
from ..response_size import count_fitting
from ..timestamps import format_timestamp
from .list_parameters import parse_choice, parse_id, parse_page_request, parse_time

__all__ = ["ACTIONS", "list_entries"]

_ENTRY_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LAST_ID = str(uuid.UUID(int=2**128 - 1))
"""Of entries of one moment it would be the first; in place of what is no entry's id in a cursor."""


def list_entries(
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    start: str | None = None,
    end: str | None = None,
    cursor: str | None = None,
    limit: str | None = None,
) -> dict[str, object]:
    """List a page of the audit log, the newest entry first, as JSON.

    Args:
        actor: the id of a user, a key or a schedule.
        action: one of `audit_log.ACTIONS`.
        target: the id of an instance, a prompt or a resource.
        start: ISO 8601; entries from then on.
        end: ISO 8601; entries before then.
        cursor: the `nextCursor` of the page before.
        limit: how many entries at most, 1 to 200; 50 by default.

    Returns:
        `entries`, and `nextCursor` if there are more.

    Raises:
        InvalidInput: a value is wrong; the message says what it must be.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    which = AuditFilter(
        parse_id("actor", actor),
        parse_choice("action", action, ACTIONS),
        parse_id("target", target),
        parse_time("from", start),
        parse_time("to", end),
    )
    after, count = parse_page_request(cursor, limit)
    if after and not _ENTRY_ID.fullmatch(after.id):
        after = ListCursor(after.at, _LAST_ID)
    found = run_in_transaction(audit_log.list_newest, which, after, count + 1)
    entries = [_serialize(entry) for entry in found[:count]]
    entries = entries[: count_fitting(entries)]
    page: dict[str, object] = {"entries": entries}
    if len(found) > len(entries):
        last = found[len(entries) - 1]
        page["nextCursor"] = format_cursor(ListCursor(last.at, last.id))
    return page


def _serialize(entry: AuditEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": format_timestamp(entry.at),
        "actor": {"kind": entry.actor_kind, "id": entry.actor},
        "address": entry.address or None,
        "userAgent": entry.user_agent or None,
        "action": entry.action,
        "target": {"kind": entry.target_kind, "id": entry.target},
        "outcome": entry.outcome,
        "requestId": entry.request_id or None,
        "operationId": entry.operation_id,
        "details": entry.details,
    }
