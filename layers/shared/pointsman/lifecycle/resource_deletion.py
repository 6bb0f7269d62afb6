"""Deletion of what journal entries name; compensation, destroys and provisions share it.

An entry is closed on proof only: the provider confirms the deletion or does not know the resource, or, for a call with
an unknown outcome, a lookup after the settle time finds nothing.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Literal

from ..db import journal
from ..db.connection import run_in_transaction
from ..errors import MissingSetting, PointsmanError, ProviderUnavailable
from ..providers import railway
from ..providers.base import ToolProvider, delete_resource
from ..providers.registry import TOOLS, explain_unconfigured, get_tool_provider
from .resource_lookup import delete_until_proven, delete_until_settled, find_created_services, find_until_settled

__all__ = [
    "delete_entries",
    "delete_entry",
    "delete_service",
    "delete_tool_resource",
    "merge_failures",
    "require_tool_provider",
]

_DELETION_ORDER = {"tool": 0, "volume": 1, "domain": 2, "service": 3}
"""Volumes before their service: Railway keeps the volumes of a deleted service, and lists them by service only."""


def delete_entries(operation_id: str, entries: Iterable[journal.Entry]) -> None:
    """Delete every entry's resource, and continue after a failure.

    A service is kept while one of its volumes remains, because only the service leads to the volume.

    Args:
        operation_id: the operation that deletes; it is recorded in the closed entries.
        entries: the entries; their resources are deleted in the order that their kinds need.

    Raises:
        PointsmanError: the only failure. Entries that failed stay open.
        ProviderUnavailable: several failures; retryable, so that all of them are retried.
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
    if failures:
        raise merge_failures(failures, step="undo")


def merge_failures(failures: Sequence[PointsmanError], *, step: Literal["undo", "destroy"]) -> PointsmanError:
    """Return the only failure, else a retryable one with the messages of all. `step` names the caller in it."""
    if len(failures) == 1:
        return failures[0]
    return ProviderUnavailable(step, "delete", "; ".join(failure.message for failure in failures))


def delete_entry(operation_id: str, entry: journal.Entry) -> None:
    """Delete one entry's resource and close the entry.

    Raises:
        ProviderError: the deletion failed; the entry stays open.
        MissingSetting: the provider has no credentials; the entry stays open.
    """
    if entry.kind == "tool":
        delete_tool_resource(entry)
    elif entry.kind == "volume":
        _delete_volume(entry)
    elif entry.kind == "service":
        _delete_service_with_volumes(entry)
    # Railway deletes a domain with its service.
    run_in_transaction(journal.record_deleted, entry, operation_id)


def delete_tool_resource(entry: journal.Entry) -> bool:
    """Delete a tool's resource, or what a call with an unknown outcome created.

    Returns:
        Whether something existed that is deleted now; False also for what cannot be adopted.

    Raises:
        ProviderError: the deletion failed.
        MissingSetting: the tool is not configured.
    """
    provider = require_tool_provider(entry)
    if entry.state == "created" and entry.resource_id:
        return delete_resource(provider, entry.resource_id, entry.meta)

    find = partial(provider.find, entry.plan)
    if not provider.adoptable:
        delete_until_settled(entry, find, partial(delete_resource, provider))
    elif resource := find_until_settled(entry, find):
        return delete_resource(provider, resource.id)
    return False


def require_tool_provider(entry: journal.Entry) -> ToolProvider:
    """Return the provider of a tool's entry. Raises MissingSetting if it is not configured."""
    provider = get_tool_provider(entry.provider)
    if provider is None:
        raise MissingSetting(
            TOOLS[entry.provider].required_setting,
            f"its resource cannot be deleted without; {explain_unconfigured(entry.provider)}",
        )
    return provider


def _delete_volume(entry: journal.Entry) -> None:
    client = railway.get_client()
    if entry.state == "created" and entry.resource_id:
        delete_until_proven(entry, partial(client.delete_volume, entry.resource_id))
    elif volume := find_until_settled(entry, partial(client.find_volumes, entry.plan["service_id"])):
        client.delete_volume(volume.id)


def _delete_service_with_volumes(entry: journal.Entry) -> None:
    """Delete a service with its volumes, also those that the journal does not name."""
    if service_id := _find_service_id(entry):
        client = railway.get_client()
        for volume in client.find_volumes(service_id):
            client.delete_volume(volume.id)
        delete_until_proven(entry, partial(client.delete_service, service_id))


def delete_service(entry: journal.Entry) -> None:
    """Delete the entry's service, whose volumes have been deleted. Raises ProviderError."""
    if service_id := _find_service_id(entry):
        delete_until_proven(entry, partial(railway.get_client().delete_service, service_id))


def _find_service_id(entry: journal.Entry) -> str | None:
    if entry.state == "created":
        return entry.resource_id
    service = find_until_settled(entry, partial(find_created_services, entry))
    return service.id if service else None
