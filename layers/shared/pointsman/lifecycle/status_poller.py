"""The status poller: records Railway's listing and the fleet's totals, updates the instances' rows, emits metrics."""

from .. import log
from ..db import fleet, fleet_history, locks
from ..db.connection import Connection, get_database_time, run_in_transaction
from ..metrics import emit_metrics
from ..providers import railway
from ..providers.railway.models import DEPLOYMENT_STATUSES
from ..redaction import redact_code
from .fleet_snapshot import LISTING_LAG, record_listing

__all__ = ["poll"]

_MAX_LOGGED_INSTANCES = 20
"""Ids in a warning, at most."""

_UNKNOWN, _OTHER = "UNKNOWN", "OTHER"


def poll() -> dict[str, object]:
    """List the project's services, record them, update the changed rows, and record and emit the totals.

    Returns:
        `services`: how many Railway listed; `changed` and `gone`: how many rows were updated and marked as gone;
        `instances`: how many rows there are.

    Raises:
        ProviderError: Railway's listing could not be read completely; nothing is written.
        DatabaseUnavailable: the database cannot be reached; nothing is written.
    """
    listing_started_at = run_in_transaction(get_database_time)
    client = railway.get_client()
    environment_id = client.environment_id
    instances = list(client.list_service_instances())
    record_listing(listing_started_at, instances)
    observed = [_to_observation(instance) for instance in instances]

    def update_rows(db: Connection) -> tuple[int, list[str], dict[str | None, int]]:
        locks.lock_status_poll(db)
        changed = fleet.update_from_listing(db, environment_id, listing_started_at, observed)
        gone = fleet.mark_gone(db, environment_id, listing_started_at, observed, LISTING_LAG)
        counts = fleet.count_by_status(db)
        fleet_history.record(db, _sum_by_name(counts))
        return changed, gone, counts

    changed, gone, counts = run_in_transaction(update_rows)
    if gone:
        log.write("warning", "instances are gone at Railway", count=len(gone), instances=gone[:_MAX_LOGGED_INSTANCES])
    _emit_metrics(counts)
    return {"services": len(observed), "changed": changed, "gone": len(gone), "instances": sum(counts.values())}


def _to_observation(instance: railway.ServiceInstance) -> fleet.ListedService:
    status = instance.status if instance.status in DEPLOYMENT_STATUSES else None
    url = f"https://{instance.domain}" if instance.domain else None
    return fleet.ListedService(instance.service_id, status, url, instance.image)


def _emit_metrics(counts: dict[str | None, int]) -> None:
    emit_metrics({"InstancesTotal": sum(counts.values()), "InstancesGone": counts.get(fleet.GONE, 0)})
    for name, count in sorted(_sum_by_name(counts).items()):
        emit_metrics({"Instances": count}, status=name)


def _sum_by_name(counts: dict[str | None, int]) -> dict[str, int]:
    """Sum the counts by what others may know of a status: older programs write that column too."""
    counts_by_name: dict[str, int] = {}
    for status, count in counts.items():
        name = _UNKNOWN if not status else status if redact_code(status) == status else _OTHER
        counts_by_name[name] = counts_by_name.get(name, 0) + count
    return counts_by_name
