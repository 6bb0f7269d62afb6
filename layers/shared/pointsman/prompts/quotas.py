"""The quotas of prompts: whether a user, and all users together, have room for another one."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from ..db import quotas
from ..db.connection import Connection
from ..db.quotas import PromptUsage, UserUsage
from ..errors import QuotaExceeded
from ..settings.prompts import Quotas, QuotaSettings
from ..timestamps import format_optional_timestamp

__all__ = ["Quota", "QuotaScope", "build_quota_error", "find_exceeded_approvals", "require_room_for_inserted"]

Quota = Literal["prompts_at_once", "prompts_an_hour", "open_streams", "tokens_a_day", "waiting_approvals"]
QuotaScope = Literal["user", "all"]
"""Whether a limit is one user's, or that of all users together."""

_PAUSE_PROMPTS, _PAUSE_APPROVALS = 10, 60
"""Seconds to wait where nobody knows when there is room: a prompt ends by itself, an approval waits for a person."""


def require_room_for_inserted(db: Connection, user_id: str, settings: QuotaSettings) -> None:
    """Refuse the prompt that this transaction has inserted unless there is room. Nothing but the commit may follow.

    Others who submit wait until the transaction ends, so that the limits hold exactly. Who is over a quota of their
    own makes nobody else wait.

    Raises:
        QuotaExceeded: a quota is used up, and the transaction has to be rolled back.
    """
    per_user, for_all = settings.per_user, settings.for_all
    errors: list[QuotaExceeded] = []
    if per_user.limits_prompts or per_user.tokens_a_day or for_all.tokens_a_day:
        usage = quotas.measure_user(
            db, user_id, per_user.prompts_an_hour, with_all_tokens=for_all.tokens_a_day is not None
        )
        errors += _find_exceeded(usage, per_user, "user")
        errors += _find_used_tokens(usage, usage.tokens, per_user.tokens_a_day, "user")
        errors += _find_used_tokens(usage, usage.all_tokens, for_all.tokens_a_day, "all")
    if for_all.limits_prompts and not errors:
        errors += _find_exceeded(quotas.count_all_prompts(db, for_all.prompts_an_hour), for_all, "all")
    if errors:
        # The one that lasts, so that there is room after its Retry-After.
        raise max(errors, key=lambda error: error.retry_after or 0)


def find_exceeded_approvals(db: Connection, user_id: str, settings: QuotaSettings) -> QuotaExceeded | None:
    """Return the error if no more approvals of this user, or of all users together, may wait.

    Others who submit or ask for an approval wait until the transaction ends. The prompt that asks does not wait yet.
    """
    if (limit := settings.per_user.waiting_approvals) is not None:
        usage = quotas.measure_user(db, user_id, None, with_all_tokens=False)
        if usage.waiting >= limit:
            return build_quota_error("waiting_approvals", limit, "user", _PAUSE_APPROVALS)
    if (limit := settings.for_all.waiting_approvals) is not None and (
        quotas.count_all_prompts(db, None).waiting >= limit
    ):
        return build_quota_error("waiting_approvals", limit, "all", _PAUSE_APPROVALS)
    return None


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


def _find_exceeded(usage: PromptUsage, limits: Quotas, scope: QuotaScope) -> Iterator[QuotaExceeded]:
    if limits.prompts_an_hour is not None and usage.hour_full_until is not None:
        pause = _seconds_until(usage.hour_full_until, usage.now)
        yield build_quota_error("prompts_an_hour", limits.prompts_an_hour, scope, pause, usage.hour_full_until)
    if limits.waiting_approvals is not None and usage.waiting >= limits.waiting_approvals:
        yield build_quota_error("waiting_approvals", limits.waiting_approvals, scope, _PAUSE_APPROVALS)
    if limits.prompts_at_once is not None and usage.active >= limits.prompts_at_once:
        yield build_quota_error("prompts_at_once", limits.prompts_at_once, scope, _PAUSE_PROMPTS)


def _find_used_tokens(usage: UserUsage, tokens: int, limit: int | None, scope: QuotaScope) -> Iterator[QuotaExceeded]:
    if limit is not None and tokens >= limit:
        yield build_quota_error("tokens_a_day", limit, scope, _seconds_until(usage.midnight, usage.now), usage.midnight)


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(1, math.ceil((moment - now).total_seconds()))
