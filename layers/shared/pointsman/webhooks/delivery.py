"""The delivery of due messages, by a schedule: several at a time, each in a thread, and recorded by this one.

A target that is slow or fails holds up nobody else: a webhook has at most 2 attempts at a time, an owner 6, and one
whose target let us wait to the end gets no more of them in this run.
"""

import time
import uuid
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import random

from .. import deadlines, log
from ..concurrent_calls import submit
from ..db import audit_log, webhook_deliveries, webhooks
from ..db.connection import Connection, run_in_transaction, run_statement
from ..db.webhook_deliveries import ClaimedDelivery
from ..metrics import emit_metrics
from ..settings.webhooks import load_allows_loopback, load_webhook_signing_keys
from .attempt import ATTEMPT_SECONDS, Outcome, attempt

__all__ = ["RETRY_SECONDS", "deliver_due"]

RETRY_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The pauses after the first attempts, as Standard Webhooks recommends; after the last one the delivery has failed."""

_MAX_RUN_SECONDS = 35.0
"""A run begins no attempt after so long: the last one ends before the function's timeout, and the next run goes on."""
_MAX_AT_ONCE = 16
_MAX_OF_WEBHOOK = 2
_MAX_OF_OWNER = 6
_MAX_FAILING_DAYS = 5
_GONE = 410


@dataclass
class _Run:
    """What one run has in flight, and what it has done."""

    in_flight: dict[Future[Outcome], ClaimedDelivery] = field(default_factory=dict[Future[Outcome], ClaimedDelivery])
    slow: set[str] = field(default_factory=set[str])
    counts: Counter[str] = field(default_factory=Counter[str])


def deliver_due(_event: Mapping[str, object]) -> dict[str, object]:
    """Deliver what is due, and emit how it went.

    Returns:
        `delivered`, `failed`: how many attempts succeeded and failed; `disabled`: how many webhooks were disabled.

    Raises:
        MissingSetting, InvalidSetting: a setting is missing or wrong.
        DatabaseUnavailable: the database cannot be reached. What was sent and not recorded is sent again.
    """
    keys, allows_loopback = load_webhook_signing_keys(), load_allows_loopback()
    run, begin_until = _Run(), time.monotonic() + _MAX_RUN_SECONDS
    with ThreadPoolExecutor(max_workers=_MAX_AT_ONCE) as executor:
        while True:
            if time.monotonic() < begin_until and deadlines.seconds_left() > ATTEMPT_SECONDS:
                for claimed in _claim(run):
                    future = submit(
                        executor, lambda claimed=claimed: attempt(claimed, keys, allows_loopback=allows_loopback)
                    )
                    run.in_flight[future] = claimed
            if not run.in_flight:
                break
            for future in wait(run.in_flight, return_when=FIRST_COMPLETED).done:
                _record(run, run.in_flight.pop(future), future.result())
    waiting, oldest_seconds = run_statement(webhook_deliveries.count_waiting)
    counts = {name: run.counts[name] for name in ("delivered", "failed", "disabled")}
    emit_metrics(
        {
            "WebhooksDelivered": counts["delivered"],
            "WebhookAttemptsFailed": counts["failed"],
            "WebhooksDisabled": counts["disabled"],
            "WebhooksDue": waiting,
            "OldestWebhookSeconds": oldest_seconds,
        }
    )
    return {**counts}


def _claim(run: _Run) -> list[ClaimedDelivery]:
    room = _MAX_AT_ONCE - len(run.in_flight)
    if not room:
        return []
    busy = {claimed.webhook_id for claimed in run.in_flight.values()}
    owners = Counter(claimed.owner for claimed in run.in_flight.values())
    return run_in_transaction(
        webhook_deliveries.claim_due,
        f"attempt-{uuid.uuid4().hex}",
        room,
        per_webhook=_MAX_OF_WEBHOOK,
        per_owner=_MAX_OF_OWNER // 2,
        except_webhooks=sorted(busy | run.slow),
        # Who has no more than half of the attempts in flight may get the other half.
        except_owners=sorted(owner for owner, count in owners.items() if count > _MAX_OF_OWNER // 2),
    )


def _record(run: _Run, claimed: ClaimedDelivery, outcome: Outcome) -> None:
    if outcome.is_slow:
        run.slow.add(claimed.webhook_id)
    run.counts["failed" if outcome.error else "delivered"] += 1
    if run_in_transaction(_record_outcome, claimed, outcome):
        run.counts["disabled"] += 1
        log.write("warning", "webhook disabled", webhook_id=claimed.webhook_id, status=outcome.status)


def _record_outcome(db: Connection, claimed: ClaimedDelivery, outcome: Outcome) -> bool:
    """Record the outcome; return whether it disabled the webhook."""
    webhook = webhooks.lock_for_update(db, claimed.webhook_id)
    if webhook is None:
        return False
    if outcome.error is None:
        webhook_deliveries.record_success(db, claimed, outcome.status or 0)
        return False
    is_recorded = webhook_deliveries.record_failure(
        db, claimed, outcome.status, outcome.error, _find_pause(claimed, outcome)
    )
    reason = _find_reason_to_disable(webhook, outcome) if is_recorded and webhook.is_enabled else None
    if reason is None:
        return False
    webhooks.mark_disabled(db, webhook.id, reason)
    webhook_deliveries.fail_pending(db, webhook.id, "The webhook was disabled")
    audit_log.record(db, "webhook.disable", "webhook", webhook.id, "succeeded", details={"reason": reason})
    return True


def _find_pause(claimed: ClaimedDelivery, outcome: Outcome) -> float | None:
    """Return the seconds until the next attempt; None after the last one."""
    if outcome.status == _GONE or claimed.attempts > len(RETRY_SECONDS):
        return None
    pause = RETRY_SECONDS[claimed.attempts - 1] * (1 + random() / 10)  # noqa: S311 - jitter
    return max(pause, min(outcome.retry_after or 0.0, RETRY_SECONDS[-1]))


def _find_reason_to_disable(webhook: webhooks.Webhook, outcome: Outcome) -> str | None:
    if outcome.status == _GONE:
        return "The target answered 410 Gone"
    if webhook.failing_since and datetime.now(UTC) - webhook.failing_since > timedelta(days=_MAX_FAILING_DAYS):
        return f"No attempt has succeeded for {_MAX_FAILING_DAYS} days"
    return None
