"""Deleting what the journal names. Undoing a create and destroying an instance are the same walk.

An entry is closed only on proof: the provider says that the thing is gone, or, where a call got no answer, a look that
was made late enough finds nothing. An empty list soon after proves nothing, because lists lag.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from ..db import instances, journal
from ..db.connection import run_in_transaction
from ..errors import MissingSetting, PointsmanError
from ..providers import railway
from ..providers.base import Plan, ToolProvider
from ..providers.registry import TOOLS, get_tool_provider
from ..settings.operations import Timeouts

__all__ = [
    "delete_entries",
    "delete_entry",
    "delete_service_volumes",
    "delete_tool_resource",
    "delete_until_settled",
    "find_created_service_ids",
    "find_resource_ids",
    "find_until_settled",
]

_POLL_INTERVAL = 1.0
"""Seconds between looks for something that may have been made."""

_CLOCK_SKEW = timedelta(minutes=2)
"""How far a provider's clock may be behind the database's."""

_DELETION_ORDER = {"tool": 0, "volume": 1, "domain": 2, "service": 3}
"""Volumes before their service: a service does not take its volume with it, and hides it when it goes."""


def delete_entries(operation_id: str, entries: Iterable[journal.Entry]) -> list[PointsmanError]:
    """Remove every entry, going on where one fails. Returns the failures; entries that failed stay open.

    A service whose volume could not be removed is kept, because it is the only way to the volume.
    """
    failures: list[PointsmanError] = []
    volume_remains = False
    for entry in sorted(entries, key=lambda item: _DELETION_ORDER[item.kind]):
        if entry.kind in ("domain", "service") and volume_remains:
            continue
        try:
            delete_entry(operation_id, entry)
        except PointsmanError as error:
            volume_remains = volume_remains or entry.kind == "volume"
            failures.append(error)
    return failures


def delete_entry(operation_id: str, entry: journal.Entry) -> None:
    """Remove one entry and close it. Raises what the provider raises; then the entry stays open."""
    if entry.kind == "tool":
        delete_tool_resource(entry)
    elif entry.kind == "volume":
        _delete_volume(entry)
    elif entry.kind == "service":
        _delete_service(entry)
    # A domain is part of its service and goes with it.
    run_in_transaction(journal.record_deleted, entry, operation_id)


def delete_until_settled(
    entry: journal.Entry, find: Callable[[], Sequence[str]], delete: Callable[[str], bool]
) -> None:
    """Delete whatever a call without an answer has made, looking until the call has settled."""
    for _ in _poll_until_settled(entry):
        for resource_id in find():
            delete(resource_id)


def find_until_settled(entry: journal.Entry, find: Callable[[], Sequence[str]]) -> str | None:
    """What a call without an answer has made, or None once a late enough look finds nothing."""
    for _ in _poll_until_settled(entry):
        if found := find():
            return found[0]
    return None


def _poll_until_settled(entry: journal.Entry) -> Iterator[None]:
    """Time for one look after the other; the last begins late enough to prove that nothing was made."""
    while True:
        # The age is read before the look: only a look that began late enough proves anything.
        age = run_in_transaction(journal.seconds_since_attempt, entry)
        yield
        settle_seconds = Timeouts.load().settle_time
        if age >= settle_seconds:
            return
        time.sleep(min(_POLL_INTERVAL, settle_seconds - age))


def find_resource_ids(provider: ToolProvider, plan: Plan) -> list[str]:
    """The ids of everything that the provider has made by this plan."""
    return [resource.id for resource in provider.find(plan)]


def delete_tool_resource(entry: journal.Entry) -> bool:
    """Delete a tool's resource, or what its making without an answer has left; True if something was there.

    Raises MissingSetting where its provider has no credentials (any more).
    """
    provider = get_tool_provider(entry.provider)
    if provider is None:
        raise MissingSetting(TOOLS[entry.provider].required_setting, "its resource cannot be deleted without")
    if entry.state == "created" and entry.resource_id:
        return provider.delete(entry.resource_id)

    find = partial(find_resource_ids, provider, entry.plan)
    if not provider.adoptable:
        delete_until_settled(entry, find, provider.delete)
    elif found := find_until_settled(entry, find):
        return provider.delete(found)
    return False


def _delete_volume(entry: journal.Entry) -> None:
    provider = railway.get_client()
    if entry.state == "created" and entry.resource_id:
        provider.delete_volume(entry.resource_id)
        return
    service_id = entry.plan["service_id"]
    if found := find_until_settled(entry, lambda: [volume.id for volume in provider.find_volumes(service_id)]):
        provider.delete_volume(found)


def delete_service_volumes(service_id: str) -> None:
    """Delete every volume that is attached to a service, whoever attached it."""
    provider = railway.get_client()
    for volume in provider.find_volumes(service_id):
        provider.delete_volume(volume.id)


def _delete_service(entry: journal.Entry) -> None:
    service_id = entry.resource_id
    if entry.state == "intended":
        service_id = find_until_settled(entry, lambda: find_created_service_ids(entry))
    if service_id:
        delete_service_volumes(service_id)
        railway.get_client().delete_service(service_id)


def find_created_service_ids(entry: journal.Entry) -> list[str]:
    """Services of the entry's name that are not older than its intent and belong to no instance."""
    found = railway.get_client().find_services(entry.plan["name"])
    created_after = entry.intended_at - _CLOCK_SKEW
    recent_ids = [service.id for service in found if service.created_at >= created_after]
    return run_in_transaction(
        lambda db: [service_id for service_id in recent_ids if not instances.has_service(db, service_id)]
    )
