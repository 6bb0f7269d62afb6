"""Deleting what the journal names. Undoing a create and destroying an instance are the same walk.

An entry is closed only on proof: the provider says that the thing is gone, or, where a call got no answer, a look that
was made late enough finds nothing. An empty list soon after proves nothing, because lists lag.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from ..db import connection, instances, journal
from ..errors import MissingSetting, PointsmanError
from ..providers import railway
from ..providers.base import Plan, ToolProvider
from ..providers.registry import TOOLS, tool_provider
from ..settings.tuning import Tuning

__all__ = [
    "delete_tool",
    "look_until_settled",
    "remove",
    "remove_all",
    "remove_unanswered",
    "remove_volumes",
    "resources_of",
    "services_made_by",
]

_LOOK_EVERY = 1.0
"""Seconds between looks for something that may have been made."""

_CLOCK_SKEW = timedelta(minutes=2)
"""How far a provider's clock may be behind the database's."""

_ORDER = {"tool": 0, "volume": 1, "domain": 2, "service": 3}
"""Volumes before their service: a service does not take its volume with it, and hides it when it goes."""

run = connection.run


def remove_all(operation_id: str, entries: Iterable[journal.Entry]) -> list[PointsmanError]:
    """Remove every entry, going on where one fails. Returns the failures; entries that failed stay open.

    A service whose volume could not be removed is kept, because it is the only way to the volume.
    """
    failures: list[PointsmanError] = []
    volume_left = False
    for entry in sorted(entries, key=lambda item: _ORDER[item.kind]):
        if entry.kind in ("domain", "service") and volume_left:
            continue
        try:
            remove(operation_id, entry)
        except PointsmanError as error:
            volume_left = volume_left or entry.kind == "volume"
            failures.append(error)
    return failures


def remove(operation_id: str, entry: journal.Entry) -> None:
    """Remove one entry and close it. Raises what the provider raises; then the entry stays open."""
    if entry.kind == "tool":
        delete_tool(entry)
    elif entry.kind == "volume":
        _remove_volume(entry)
    elif entry.kind == "service":
        _remove_service(entry)
    # A domain is part of its service and goes with it.
    run(lambda db: journal.closed(db, entry, operation_id))


def remove_unanswered(entry: journal.Entry, find: Callable[[], Sequence[str]], delete: Callable[[str], bool]) -> None:
    """Delete whatever a call without an answer has made, looking until the call has settled."""
    for _ in _looks(entry):
        for resource_id in find():
            delete(resource_id)


def look_until_settled(entry: journal.Entry, find: Callable[[], Sequence[str]]) -> str | None:
    """What a call without an answer has made, or None once a late enough look finds nothing."""
    for _ in _looks(entry):
        if found := find():
            return found[0]
    return None


def _looks(entry: journal.Entry) -> Iterator[None]:
    """Time for one look after the other; the last begins late enough to prove that nothing was made."""
    while True:
        # The age is read before the look: only a look that began late enough proves anything.
        age = run(lambda db: journal.seconds_since_attempt(db, entry))
        yield
        settle = Tuning.load().settle
        if age >= settle:
            return
        time.sleep(min(_LOOK_EVERY, settle - age))


def resources_of(provider: ToolProvider, plan: Plan) -> list[str]:
    """The ids of everything that the provider has made by this plan."""
    return [resource.id for resource in provider.find(plan)]


def delete_tool(entry: journal.Entry) -> bool:
    """Delete a tool's resource, or what its making without an answer has left; True if something was there.

    Raises MissingSetting where its provider has no credentials (any more).
    """
    provider = tool_provider(entry.provider)
    if provider is None:
        raise MissingSetting(TOOLS[entry.provider].setting, "its resource cannot be deleted without")
    if entry.state == "created" and entry.resource_id:
        return provider.delete(entry.resource_id)

    find = partial(resources_of, provider, entry.plan)
    if not provider.adoptable:
        remove_unanswered(entry, find, provider.delete)
    elif found := look_until_settled(entry, find):
        return provider.delete(found)
    return False


def _remove_volume(entry: journal.Entry) -> None:
    provider = railway.configured()
    if entry.state == "created" and entry.resource_id:
        provider.delete_volume(entry.resource_id)
        return
    service_id = entry.plan["service_id"]
    if found := look_until_settled(entry, lambda: [volume.id for volume in provider.find_volumes(service_id)]):
        provider.delete_volume(found)


def remove_volumes(service_id: str) -> None:
    """Delete every volume that is attached to a service, whoever attached it."""
    provider = railway.configured()
    for volume in provider.find_volumes(service_id):
        provider.delete_volume(volume.id)


def _remove_service(entry: journal.Entry) -> None:
    service_id = entry.resource_id
    if entry.state == "intended":
        service_id = look_until_settled(entry, lambda: services_made_by(entry))
    if service_id:
        remove_volumes(service_id)
        railway.configured().delete_service(service_id)


def services_made_by(entry: journal.Entry) -> list[str]:
    """Services of the entry's name that are not older than its intent and belong to no instance."""
    found = railway.configured().find_services(entry.plan["name"])
    oldest = entry.intended_at - _CLOCK_SKEW
    young = [service.id for service in found if service.created_at >= oldest]
    return run(lambda db: [service_id for service_id in young if not instances.service_known(db, service_id)])
