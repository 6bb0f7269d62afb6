"""Fleet snapshot: the last complete listing of Railway's agents, recorded, and read in place of a new one.

It has what a live listing would have: services that no row of ours names too, those created since the listing, and none
that was destroyed since. Loads the database, so the live `fleet_status` does not import it.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from .. import log
from ..db import fleet_listing
from ..db.connection import Connection, get_database_time, run_in_transaction
from ..db.fleet_listing import FleetListing, ListedAgent
from ..errors import DatabaseUnavailable
from ..providers import railway
from ..settings.providers import load_railway_environment
from ..timestamps import format_timestamp
from . import resource_names
from .fleet_status import build_response

__all__ = ["LISTING_LAG", "read_fleet_status", "record_listing"]

LISTING_LAG = timedelta(seconds=120)
"""How long a new service may be missing from listings; 90 s were observed."""


def read_fleet_status(instance_ids: Collection[str], max_age_seconds: float) -> dict[str, object]:
    """Return the response of status/batch, from a snapshot of at most this age or else live, with its age.

    A live listing becomes the next snapshot. Without the database it is live, too.

    Args:
        instance_ids: only these; all if empty.
        max_age_seconds: the age of a snapshot in seconds, since its listing began.

    Returns:
        The response, with `asOf`, when the listing began, and `ageSeconds`, the seconds since then; 0 for a live one.

    Raises:
        ProviderError: there is no such snapshot, and the live listing could not be read completely.
    """
    try:
        snapshot = run_in_transaction(_read_snapshot, instance_ids, max_age_seconds)
        started_at = None if snapshot else run_in_transaction(get_database_time)
    except DatabaseUnavailable as error:
        log.write("warning", "no snapshot could be read", reason=error.message)
        snapshot = started_at = None
    if snapshot is not None:
        listing, instances = snapshot
        age_seconds = round(listing.age_seconds, 3)
        return _add_age(build_response(instances, instance_ids), listing.listed_at, age_seconds)
    as_of = started_at or datetime.now(UTC)
    instances = list(railway.get_client().list_service_instances())
    if started_at is not None:
        try:
            record_listing(started_at, instances)
        except DatabaseUnavailable as error:
            log.write("warning", "listing not recorded", reason=error.message)
    return _add_age(build_response(instances, instance_ids), as_of, 0)


def record_listing(listed_at: datetime, instances: Iterable[railway.ServiceInstance]) -> bool:
    """Record a complete listing of the configured environment as its snapshot; False if a newer one is recorded.

    Args:
        listed_at: when the listing began, by the database's clock.
        instances: everything that was listed.

    Raises:
        DatabaseUnavailable: the database cannot be reached; the earlier snapshot stays.
    """
    project_id, environment_id, environment_name = load_railway_environment()
    agents = [
        ListedAgent(instance.service_id, instance.name, instance.status, instance.domain, instance.image)
        for instance in instances
        if resource_names.parse_instance_id(instance.name) is not None
    ]
    return run_in_transaction(
        fleet_listing.replace,
        project_id,
        railway.get_client().environment_id,
        "" if environment_id else environment_name,
        listed_at,
        agents,
    )


def _read_snapshot(
    db: Connection, instance_ids: Collection[str], max_age_seconds: float
) -> tuple[FleetListing, list[railway.ServiceInstance]] | None:
    listing = fleet_listing.find(db, *load_railway_environment())
    if listing is None or listing.age_seconds > max_age_seconds:
        return None
    names = [resource_names.AGENT_PREFIX + instance_id for instance_id in instance_ids]
    agents = fleet_listing.read(db, listing, LISTING_LAG, names)
    if agents is None:
        return None
    return listing, [railway.ServiceInstance(*agent, environment_id=listing.environment_id) for agent in agents]


def _add_age(response: dict[str, object], as_of: datetime, age_seconds: float) -> dict[str, object]:
    return {**response, "asOf": format_timestamp(as_of), "ageSeconds": age_seconds}
