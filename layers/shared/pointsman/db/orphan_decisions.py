"""The table `orphan_decisions`: what the sweep has decided about each unknown resource at a provider, and why.

`orphan_sightings` is what the sweep works with, and holds only what is unknown now. This is for readers: a row stays
when its resource was deleted or is known after all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from ..list_cursor import ListCursor
from . import locks
from .connection import Connection
from .orphan_sightings import Sighting
from .rows import build_page_filter, fetch_all, to_text

__all__ = ["Decided", "Decision", "OrphanDecision", "OrphanFilter", "delete_past", "list_newest", "record"]

Decision = Literal["watched", "reported", "deleted", "failed", "postponed", "refused", "resolved"]

_MAX_DELETED = 5000


class Decided(NamedTuple):
    """The decision about a resource of this sighting, and its reason in words."""

    sighting: Sighting
    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class OrphanDecision:
    """A row of `orphan_decisions`. `decided_at` is since when the decision and its reason are the same."""

    id: str
    provider: str
    kind: str
    resource_id: str
    name: str
    first_seen: datetime
    last_seen: datetime
    sightings: int
    decision: Decision
    reason: str
    decided_at: datetime


class OrphanFilter(NamedTuple):
    """What is listed: decisions that fit all that is not None."""

    provider: str | None = None
    decision: str | None = None


def record(connection: Connection, provider: str, decided: Sequence[Decided]) -> None:
    """Record the decisions of a sweep about all resources of the provider that it does not know.

    Those of the sweeps before that are not among them become `resolved`.
    """
    locks.lock_orphan_sweep(connection)
    sightings = [one.sighting for one in decided]
    kinds, ids = [sighting.kind for sighting in sightings], [sighting.resource_id for sighting in sightings]
    connection.execute(
        "UPDATE orphan_decisions AS old SET decision = 'resolved', decided_at = clock_timestamp(),"
        " reason = 'the provider does not list it any more, or a row or an operation names it now'"
        " WHERE provider = %s AND decision NOT IN ('deleted', 'resolved') AND NOT EXISTS"
        "  (SELECT FROM unnest(%s::text[], %s::text[]) AS seen (kind, resource_id)"
        "   WHERE seen.kind = old.kind AND seen.resource_id = old.resource_id)",
        (provider, kinds, ids),
    )
    connection.execute(
        "INSERT INTO orphan_decisions AS old"
        " (provider, kind, resource_id, name, first_seen, last_seen, sightings, decision, reason)"
        " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],"
        "  %s::int[], %s::text[], %s::text[])"
        " ON CONFLICT (provider, kind, resource_id) DO UPDATE SET name = EXCLUDED.name,"
        "  first_seen = EXCLUDED.first_seen, last_seen = EXCLUDED.last_seen, sightings = EXCLUDED.sightings,"
        "  decision = EXCLUDED.decision, reason = EXCLUDED.reason,"
        "  decided_at = CASE WHEN (old.decision, old.reason) = (EXCLUDED.decision, EXCLUDED.reason)"
        "   THEN old.decided_at ELSE EXCLUDED.decided_at END"
        # A provider may list for a while what it has deleted.
        " WHERE NOT (old.decision = 'deleted' AND EXCLUDED.decision = 'watched')",
        (
            provider,
            kinds,
            ids,
            [sighting.name for sighting in sightings],
            [sighting.first_seen for sighting in sightings],
            [sighting.last_seen for sighting in sightings],
            [sighting.sightings for sighting in sightings],
            [one.decision for one in decided],
            [to_text(one.reason) for one in decided],
        ),
    )


def list_newest(
    connection: Connection, which: OrphanFilter, after: ListCursor | None, limit: int
) -> list[OrphanDecision]:
    """Return the decisions of the filter, those about what was seen last for the first time first.

    Args:
        connection: The connection of the transaction.
        which: The filter.
        after: The place of the last decision of the page before; None for the first page.
        limit: How many decisions at most.
    """
    where, parameters = build_page_filter(
        [("provider = %s", which.provider), ("decision = %s", which.decision)], "first_seen, id", after
    )
    return fetch_all(
        connection,
        OrphanDecision,
        f"SELECT * FROM orphan_decisions WHERE {where} ORDER BY first_seen DESC, id DESC LIMIT %s",
        [*parameters, limit],
    )


def delete_past(connection: Connection, period: float) -> int:
    """Delete a batch of decisions that ended a matter before the period, in seconds; return how many."""
    return connection.execute(
        "DELETE FROM orphan_decisions WHERE id = ANY(ARRAY(SELECT id FROM orphan_decisions"
        " WHERE decision IN ('deleted', 'resolved') AND decided_at < now() - make_interval(secs => %s)"
        " ORDER BY decided_at LIMIT %s))",
        (period, _MAX_DELETED),
    ).rowcount
