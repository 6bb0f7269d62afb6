"""Response bodies of what the schedules have recorded: history, orphans, health."""

# ruff: noqa: D101 - a docstring here becomes a description in the OpenAPI documents

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from ...lifecycle.health_details import ScheduleName
from .models import StatusTotal, Timestamp

__all__ = ["FleetHistory", "HealthDetails", "OrphanList"]


class HistoryPoint(TypedDict):
    at: Timestamp
    totals: list[StatusTotal]


FleetHistory = TypedDict(
    "FleetHistory", {"from": Timestamp, "to": Timestamp, "stepSeconds": int, "points": list[HistoryPoint]}
)


class Orphan(TypedDict):
    """A resource that nothing here knows, and what was decided about it; `decidedAt` is since when and why."""

    id: str
    provider: Literal["railway", "openrouter", "agentmail", "telnyx"]
    kind: Literal["service", "volume", "tool"]
    resourceId: str
    name: str
    firstSeen: Timestamp
    lastSeen: Timestamp
    sightings: int
    decision: Literal["watched", "reported", "deleted", "failed", "postponed", "refused", "resolved"]
    reason: str
    decidedAt: Timestamp


class OrphanList(TypedDict):
    """Those that were first seen last come first; `nextCursor` is there if there are more."""

    orphans: list[Orphan]
    nextCursor: NotRequired[str]


class Versions(TypedDict):
    bundle: str
    python: str
    schema: str | None


class ScheduleState(TypedDict):
    """Its last run, null if it never ran. `isOverdue`: none has succeeded for so long that an alarm is on."""

    name: ScheduleName
    everySeconds: int
    outcome: Literal["running", "succeeded", "failed", "interrupted"] | None
    startedAt: Timestamp | None
    endedAt: Timestamp | None
    succeededAt: Timestamp | None
    error: str | None
    isOverdue: bool


class StepFailure(TypedDict):
    at: Timestamp
    step: str
    operationId: str
    error: str


class ProviderState(TypedDict):
    """The steps of operations that called it within the last hours, and how many of these failed in the end."""

    provider: Literal["railway", "openrouter", "agentmail", "telnyx"]
    steps: int
    failed: int
    lastFailure: StepFailure | None


class HealthDetails(TypedDict):
    versions: Versions
    schedules: list[ScheduleState]
    hours: int
    providers: list[ProviderState]
