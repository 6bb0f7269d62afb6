"""What the orphan sweep has decided about unknown resources, for a client, page by page."""

from typing import get_args

from ..db import orphan_decisions
from ..db.connection import run_in_transaction
from ..db.orphan_decisions import Decision, OrphanDecision, OrphanFilter
from ..list_cursor import ListCursor, format_cursor
from ..providers.registry import TOOLS
from ..timestamps import format_timestamp
from .list_parameters import parse_choice, parse_page_request

__all__ = ["DECISIONS", "PROVIDERS", "list_orphans"]

DECISIONS: tuple[str, ...] = get_args(Decision)
PROVIDERS = ("railway", *TOOLS)


def list_orphans(
    *, provider: str | None = None, decision: str | None = None, cursor: str | None = None, limit: str | None = None
) -> dict[str, object]:
    """List a page of decisions as JSON, those about what was seen last for the first time first.

    Args:
        provider: one of `PROVIDERS`.
        decision: one of `DECISIONS`.
        cursor: the `nextCursor` of the page before.
        limit: how many decisions at most, 1 to 200; 50 by default.

    Returns:
        `orphans`, and `nextCursor` if there are more.

    Raises:
        InvalidInput: a value is wrong; the message says what it must be.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    which = OrphanFilter(parse_choice("provider", provider, PROVIDERS), parse_choice("decision", decision, DECISIONS))
    after, count = parse_page_request(cursor, limit)
    found = run_in_transaction(orphan_decisions.list_newest, which, after, count + 1)
    page: dict[str, object] = {"orphans": [_serialize(orphan) for orphan in found[:count]]}
    if len(found) > count:
        last = found[count - 1]
        page["nextCursor"] = format_cursor(ListCursor(last.first_seen, last.id))
    return page


def _serialize(orphan: OrphanDecision) -> dict[str, object]:
    return {
        "id": orphan.id,
        "provider": orphan.provider,
        "kind": orphan.kind,
        "resourceId": orphan.resource_id,
        "name": orphan.name,
        "firstSeen": format_timestamp(orphan.first_seen),
        "lastSeen": format_timestamp(orphan.last_seen),
        "sightings": orphan.sightings,
        "decision": orphan.decision,
        "reason": orphan.reason,
        "decidedAt": format_timestamp(orphan.decided_at),
    }
