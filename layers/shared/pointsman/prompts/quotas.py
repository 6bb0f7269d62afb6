"""The quotas of prompts: whether a user, and all users together, have room for another one."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from ..db import quotas
from ..db.connection import Connection
from ..db.quotas import QuotaUsage
from ..errors import QuotaExceeded
from ..settings.prompts import Quotas, QuotaSettings
from ..timestamps import format_optional_timestamp

__all__ = ["Quota", "QuotaScope", "build_quota_error", "require_room", "require_room_for_inserted"]

Quota = Literal["prompts_at_once", "prompts_an_hour", "open_streams", "tokens_a_day", "waiting_approvals"]
QuotaScope = Literal["user", "all"]
"""Whether a limit is one user's, or that of all users together."""

_PAUSE_PROMPTS, _PAUSE_APPROVALS = 10, 60
"""Seconds to wait where nobody knows when there is room: a prompt ends by itself, an approval waits for a person."""


def require_room(db: Connection, user_id: str, settings: QuotaSettings) -> None:
    """Refuse a prompt that has no room now, before anything is stored or locked for it.

    Raises:
        QuotaExceeded: a quota is used up.
    """
    _compare(db, user_id, settings, own=0)


def require_room_for_inserted(db: Connection, user_id: str, settings: QuotaSettings) -> None:
    """Refuse the prompt that this transaction has inserted unless there is room. Only the commit should follow.

    Others who submit wait until the transaction ends, so that the limits hold exactly. Tokens are not looked at again:
    a submission uses none.

    Raises:
        QuotaExceeded: a quota is used up, and the transaction has to be rolled back.
    """
    with db.pipeline():  # One round trip; each statement sees what was committed before it began.
        quotas.lock_prompts(db, user_id, of_all=settings.for_all.limits_prompts)
        _compare(db, user_id, settings, own=1)


def build_quota_error(
    quota: Quota, limit: int, scope: QuotaScope, retry_after: int, until: datetime | None = None
) -> QuotaExceeded:
    """Build the error of a request that a quota refuses.

    Args:
        quota: The quota.
        limit: Its limit.
        scope: Whether it is the user's, or that of all users together.
        retry_after: After how many seconds a retry makes sense.
        until: When there is room again; None if that is not known.
    """
    whose = "for you" if scope == "user" else "for all users together"
    moment = format_optional_timestamp(until)
    room = f"There is room again at {moment}" if moment else "There is room again when one has ended"
    return QuotaExceeded(
        f"The quota of {quota.replace('_', ' ')} is used up: it is {limit} {whose}. {room}",
        retry_after=retry_after,
        details={"quota": quota, "limit": limit, "scope": scope, "until": moment},
    )


def _compare(db: Connection, user_id: str, settings: QuotaSettings, own: int) -> None:
    """Raise the error that stays for longest, so that there is room after its Retry-After."""
    errors: list[QuotaExceeded] = []
    scopes: tuple[tuple[QuotaScope, Quotas, str | None], ...] = (
        ("user", settings.per_user, user_id),
        ("all", settings.for_all, None),
    )
    for scope, limits, measured_user in scopes:
        with_tokens = limits.tokens_a_day is not None and own == 0
        if limits.limits_prompts or with_tokens:
            usage = quotas.measure(db, measured_user, limits.prompts_an_hour, own=own, with_tokens=with_tokens)
            errors += _find_exceeded(usage, limits, scope)
    if errors:
        raise max(errors, key=lambda error: error.retry_after or 0)


def _find_exceeded(usage: QuotaUsage, limits: Quotas, scope: QuotaScope) -> Iterator[QuotaExceeded]:
    def seconds_until(moment: datetime) -> int:
        return max(1, math.ceil((moment - usage.now).total_seconds()))

    if limits.tokens_a_day is not None and usage.tokens >= limits.tokens_a_day:
        pause = seconds_until(usage.midnight)
        yield build_quota_error("tokens_a_day", limits.tokens_a_day, scope, pause, usage.midnight)
    if limits.prompts_an_hour is not None and usage.hour_full_until is not None:
        pause = seconds_until(usage.hour_full_until)
        yield build_quota_error("prompts_an_hour", limits.prompts_an_hour, scope, pause, usage.hour_full_until)
    if limits.waiting_approvals is not None and usage.waiting >= limits.waiting_approvals:
        yield build_quota_error("waiting_approvals", limits.waiting_approvals, scope, _PAUSE_APPROVALS)
    if limits.prompts_at_once is not None and usage.active >= limits.prompts_at_once:
        yield build_quota_error("prompts_at_once", limits.prompts_at_once, scope, _PAUSE_PROMPTS)
