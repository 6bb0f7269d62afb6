"""Lookups of resources that a call with an unknown outcome may have created.

Listings lag behind writes, so an empty listing proves nothing until `SETTLE_SECONDS` after the call. The functions
named `*_until_settled` poll until then.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

from ..db import instances, journal
from ..db.connection import run_in_transaction
from ..providers import railway
from ..providers.base import ProviderResource
from ..settings.operations import Timeouts

__all__ = ["delete_until_proven", "delete_until_settled", "find_created_services", "find_until_settled"]

T = TypeVar("T")

_POLL_INTERVAL = 1.0
"""Seconds between two lookups."""

_CLOCK_SKEW = timedelta(minutes=2)
"""How far a provider's clock may be behind the database's."""


def find_until_settled(entry: journal.Entry, find: Callable[[], Iterable[T]]) -> T | None:
    """Poll until `find` returns something, or until its empty result is proof.

    Args:
        entry: the journal entry of the call; its last attempt starts the settle time.
        find: lists what the call may have created.

    Returns:
        The first resource found; None if the call created nothing.
    """
    for _ in _poll_until_settled(entry):
        for resource in find():
            return resource
    return None


def delete_until_settled(
    entry: journal.Entry, find: Callable[[], Iterable[ProviderResource]], delete: Callable[[str], bool]
) -> None:
    """Delete everything that `find` returns until the entry's call has settled. `delete` takes a resource id."""
    for _ in _poll_until_settled(entry):
        for resource in find():
            delete(resource.id)


def delete_until_proven(entry: journal.Entry, delete: Callable[[], bool]) -> None:
    """Delete a created resource until its deletion is confirmed, or until its absence is proof.

    Args:
        entry: the journal entry of its creation, whose last attempt starts the settle time. An entry without a plan is
            of a resource that is older than the journal.
        delete: deletes it; False if it is missing, which proves nothing while listings may not have it yet.
    """
    if delete() or not entry.plan:
        return
    for _ in _poll_until_settled(entry):
        if delete():
            return


def _poll_until_settled(entry: journal.Entry) -> Iterator[None]:
    """Yield once per lookup; the last lookup begins after the settle time, so its result is proof."""
    while True:
        # The age is read before the lookup: what counts is when the lookup began, not when it ended.
        age = run_in_transaction(journal.seconds_since_attempt, entry)
        yield
        settle_seconds = Timeouts.load().settle_time
        if age >= settle_seconds:
            return
        time.sleep(min(_POLL_INTERVAL, settle_seconds - age))


def find_created_services(entry: journal.Entry) -> list[ProviderResource]:
    """List the services that the entry's call may have created.

    A service name is unique within a project, but an older service may have it: a service counts if it has the
    planned name, is not older than the entry's intent, and belongs to no instance.
    """
    services = railway.get_client().find_services(entry.plan["name"])
    created_after = entry.intended_at - _CLOCK_SKEW
    recent = [ProviderResource(service.id, service.name) for service in services if service.created_at >= created_after]
    return run_in_transaction(lambda db: [service for service in recent if not instances.has_service(db, service.id)])
