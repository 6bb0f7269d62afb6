"""The table `operation_steps` by the provider that a step calls: how many of late, and how many of them failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .connection import Connection
from .operations import INTERRUPTED_STEP_ERROR
from .rows import fetch_all

__all__ = ["ProviderSteps", "count_recent"]

_RAILWAY_STEPS = ["service", "volume", "volumes", "domain", "deploy", "attach"]
"""The steps that call Railway. A step that calls a tool's provider is named like the tool."""

_CAUSED_BY_OTHERS = "Step %"
"""How the error of a deploy begins that found another step failed, and called nobody."""


@dataclass(frozen=True, slots=True)
class ProviderSteps:
    """The steps that call a provider. The `last_` fields are those of the newest failed one, None if none failed."""

    provider: str
    steps: int
    failed: int
    last_failed_at: datetime | None
    last_step: str | None
    last_error: str | None
    last_operation_id: str | None


def count_recent(connection: Connection, providers: Sequence[str], seconds: float) -> list[ProviderSteps]:
    """Count the steps that have started in so many seconds and ended, by provider; those without a step are left out.

    A step counts once, as its last attempt ended. One that was skipped or interrupted says nothing of a provider.
    """
    return fetch_all(
        connection,
        ProviderSteps,
        "WITH called AS (SELECT CASE WHEN name = ANY(%(railway)s) THEN 'railway' ELSE name END AS provider, *"
        "  FROM operation_steps WHERE started_at > now() - make_interval(secs => %(seconds)s)"
        "   AND (status = 'succeeded' OR status = 'failed' AND error <> %(interrupted)s"
        "    AND NOT (name = 'deploy' AND error LIKE %(caused)s))),"
        " newest AS (SELECT DISTINCT ON (provider) provider, ended_at, name, error, operation_id FROM called"
        "  WHERE status = 'failed' ORDER BY provider, ended_at DESC)"
        " SELECT called.provider, count(*) AS steps, count(*) FILTER (WHERE status = 'failed') AS failed,"
        "  newest.ended_at AS last_failed_at, newest.name AS last_step, newest.error AS last_error,"
        "  newest.operation_id AS last_operation_id"
        " FROM called LEFT JOIN newest USING (provider) WHERE called.provider = ANY(%(providers)s)"
        " GROUP BY called.provider, newest.ended_at, newest.name, newest.error, newest.operation_id",
        {
            "railway": _RAILWAY_STEPS,
            "seconds": seconds,
            "interrupted": INTERRUPTED_STEP_ERROR,
            "caused": _CAUSED_BY_OTHERS,
            "providers": list(providers),
        },
    )
