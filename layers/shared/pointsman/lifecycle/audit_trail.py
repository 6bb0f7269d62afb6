"""The audit trail: pages of the audit log for a client, with its filters validated."""

import re
from datetime import datetime

from ..cursors import cursor_pattern, format_cursor, parse_cursor
from ..db import audit_log
from ..db.audit_log import ACTIONS, AuditCursor, AuditEntry, AuditFilter
from ..db.connection import run_in_transaction
from ..errors import InvalidInput
from ..response_size import count_fitting
from ..timestamps import format_timestamp

__all__ = ["ACTIONS", "CURSOR_PATTERN", "ID_PATTERN", "MAX_LIMIT", "list_entries"]

MAX_LIMIT = 200
"""The most entries of a page."""

_DEFAULT_LIMIT = 50
ID_PATTERN = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,256}")
"""What the filters `actor` and `target` must match in full."""

_ENTRY_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CURSOR_PATTERN = re.compile(cursor_pattern(_ENTRY_ID))
"""What a cursor must match in full; to a client it is opaque."""


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
    """List a page of the audit log, the newest entry first, as JSON. An empty argument is as one that is not given.

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
    if action and action not in ACTIONS:
        raise InvalidInput(f"action must be one of {', '.join(ACTIONS)}")
    which = AuditFilter(
        _parse_text("actor", actor),
        action or None,
        _parse_text("target", target),
        _parse_time("from", start),
        _parse_time("to", end),
    )
    count = _parse_limit(limit)
    found = run_in_transaction(audit_log.list_newest, which, _parse_cursor(cursor) if cursor else None, count + 1)
    entries = [_serialize(entry) for entry in found[:count]]
    entries = entries[: count_fitting(entries)]
    page: dict[str, object] = {"entries": entries}
    if len(found) > len(entries):
        last = found[len(entries) - 1]
        page["nextCursor"] = format_cursor(last.at, last.id)
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


def _parse_text(name: str, value: str | None) -> str | None:
    if not value:
        return None
    if not ID_PATTERN.fullmatch(value):
        raise InvalidInput(f"{name} must be an id of at most 256 characters, without control characters")
    return value


def _parse_time(name: str, value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(f"{name} must be a time in ISO 8601 with its offset, like 2026-01-31T12:00:00Z")
    return moment


def _parse_limit(value: str | None) -> int:
    if not value:
        return _DEFAULT_LIMIT
    if not re.fullmatch("[0-9]{1,3}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise InvalidInput(f"limit must be a whole number from 1 to {MAX_LIMIT}")
    return int(value)


def _parse_cursor(cursor: str) -> AuditCursor:
    position = parse_cursor(cursor, _ENTRY_ID)
    if position is None:
        raise InvalidInput("cursor must be the nextCursor of a page of this list")
    return AuditCursor(*position)
