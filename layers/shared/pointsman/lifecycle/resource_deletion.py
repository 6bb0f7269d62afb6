"""Deleting what the journal names. Undoing a create and destroying an instance are the same walk.

An entry is closed only on proof: the provider says that the thing is gone, or, where a call got no answer, a look that
was made late enough finds nothing. An empty list soon after proves nothing, because lists lag.
"""

from collections.abc import Iterable
from functools import partial

from ..db import journal
from ..db.connection import run_in_transaction
from ..errors import MissingSetting, PointsmanError
from ..providers import railway
from ..providers.registry import TOOLS, get_tool_provider
from .resource_lookup import delete_until_settled, find_created_services, find_until_settled

__all__ = [
    "delete_entries",
    "delete_entry",
    "delete_service_volumes",
    "delete_tool_resource",
]

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


def delete_tool_resource(entry: journal.Entry) -> bool:
    """Delete a tool's resource, or what its making without an answer has left; True if something was there.

    Raises MissingSetting where its provider has no credentials (any more).
    """
    provider = get_tool_provider(entry.provider)
    if provider is None:
        raise MissingSetting(TOOLS[entry.provider].required_setting, "its resource cannot be deleted without")
    if entry.state == "created" and entry.resource_id:
        return provider.delete(entry.resource_id)

    find = partial(provider.find, entry.plan)
    if not provider.adoptable:
        delete_until_settled(entry, find, provider.delete)
    elif found := find_until_settled(entry, find):
        return provider.delete(found.id)
    return False


def _delete_volume(entry: journal.Entry) -> None:
    provider = railway.get_client()
    if entry.state == "created" and entry.resource_id:
        provider.delete_volume(entry.resource_id)
        return
    service_id = entry.plan["service_id"]
    if found := find_until_settled(entry, partial(provider.find_volumes, service_id)):
        provider.delete_volume(found.id)


def delete_service_volumes(service_id: str) -> None:
    """Delete every volume that is attached to a service, whoever attached it."""
    provider = railway.get_client()
    for volume in provider.find_volumes(service_id):
        provider.delete_volume(volume.id)


def _delete_service(entry: journal.Entry) -> None:
    service_id = entry.resource_id
    if entry.state == "intended":
        found = find_until_settled(entry, partial(find_created_services, entry))
        service_id = found.id if found else None
    if service_id:
        delete_service_volumes(service_id)
        railway.get_client().delete_service(service_id)
