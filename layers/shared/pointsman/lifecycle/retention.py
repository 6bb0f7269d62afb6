"""Retention: deletes old prompts, operations, audit entries and totals, so that the database does not grow for ever."""

import time
from collections.abc import Callable, Mapping

from ..db import audit_log, fleet_history, orphan_decisions, retention, webhook_deliveries
from ..db.connection import run_in_transaction
from ..db.retention import OperationCursor
from ..metrics import emit_metrics
from ..settings.operations import RetentionSettings

__all__ = ["HISTORY_DAYS", "delete_past_rows"]

_MAX_SECONDS = 60.0
"""A run begins no batch after so long; the next run goes on."""

_SECONDS_PER_DAY = 86400

HISTORY_DAYS = 90
"""How long the fleet's totals over time are kept, in days."""


def delete_past_rows(event: Mapping[str, object]) -> dict[str, object]:
    """Delete what is older than the settings say, for a minute at most, and emit how much it was.

    Args:
        event: the schedule's event. With `"dry": true` nothing is deleted.

    Returns:
        `conversations`, `prompts`, `operations`, `usage` (days of users), `audit_entries`, `orphans` (decisions about
        them), `history` (points of the fleet's totals), `webhook_deliveries`: how many were deleted; `complete`:
        whether nothing is left to delete.

    Raises:
        InvalidSetting: a period is no number of days.
        DatabaseUnavailable: the database cannot be reached; what was deleted before stays deleted.
    """
    settings = RetentionSettings.load()
    counts = {"conversations": 0, "prompts": 0, "usage": 0, "operations": 0, "audit_entries": 0}
    counts |= {"orphans": 0, "history": 0, "webhook_deliveries": 0}
    if event.get("dry") is True:
        return {**counts, "complete": False}
    deadline = time.monotonic() + _MAX_SECONDS
    is_complete = True
    if settings.prompt_days:
        period = settings.prompt_days * _SECONDS_PER_DAY
        for name, delete in (
            ("conversations", retention.delete_idle_conversations),
            ("prompts", retention.delete_ended_prompts),
            ("usage", retention.delete_token_usage),
        ):
            is_complete &= _delete_batches(
                lambda delete=delete: run_in_transaction(delete, period), name, counts, deadline
            )
    if settings.operation_days:
        period = settings.operation_days * _SECONDS_PER_DAY
        is_complete &= _delete_operations(period, counts, deadline)
        is_complete &= _delete_batches(
            lambda: run_in_transaction(orphan_decisions.delete_past, period), "orphans", counts, deadline
        )
    if settings.audit_days:
        period = settings.audit_days * _SECONDS_PER_DAY
        is_complete &= _delete_batches(
            lambda: run_in_transaction(audit_log.delete_past, period), "audit_entries", counts, deadline
        )
    is_complete &= _delete_batches(
        lambda: run_in_transaction(webhook_deliveries.delete_ended), "webhook_deliveries", counts, deadline
    )
    history_period = float(HISTORY_DAYS * _SECONDS_PER_DAY)
    is_complete &= _delete_batches(
        lambda: run_in_transaction(fleet_history.delete_past, history_period), "history", counts, deadline
    )
    emit_metrics(
        {
            "ConversationsDeleted": counts["conversations"],
            "PromptsDeleted": counts["prompts"],
            "OperationsDeleted": counts["operations"],
            "AuditEntriesDeleted": counts["audit_entries"],
        }
    )
    return {**counts, "complete": is_complete}


def _delete_batches(delete_batch: Callable[[], int], name: str, counts: dict[str, int], deadline: float) -> bool:
    """Delete batches until one is empty; False if the deadline, a time of `time.monotonic()`, came first."""
    while time.monotonic() < deadline:
        deleted = delete_batch()
        counts[name] += deleted
        if not deleted:
            return True
    return False


def _delete_operations(period: float, counts: dict[str, int], deadline: float) -> bool:
    cursor: OperationCursor | None = None
    while time.monotonic() < deadline:
        batch = run_in_transaction(retention.delete_past_operations, period, cursor)
        counts["operations"] += batch.deleted
        cursor = batch.next
        if cursor is None:
            return True
    return False
