"""Resources that carry our name at a provider, and that no row and no journal knows.

    seen and unknown ──▶ still so ORPHAN_AFTER_SECONDS later ──▶ there when looked at alone ──▶ reported ──▶ deleted

Each arrow can only be gone along while every complete listing has it and nothing knows it; else it begins anew. The
last one is for `ORPHANS=delete` only.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from .. import log
from ..db import connection, fleet, orphans
from ..errors import InvalidInput, MissingSetting, ProviderError, ProviderRejected
from ..metrics import measure
from ..providers.registry import TOOLS
from ..settings.reconcile import ReconcileSettings
from . import carrying, naming
from .carrying import Found, Listing

__all__ = ["sweep"]

_DELETIONS = 20
"""So few in one sweep that a mistake is noticed before everything is gone."""
_LOOKS = 100
"""Things that one sweep asks for alone, at most."""
_SECONDS = 150.0
"""How long a sweep goes on with reports and deletions; what is left is the next one's."""
_CROWD = 10
"""From more orphans than this on, they may not be more than half of what carries our name."""
_MANY = "many"
"""The kind of the sighting that stands for a crowd of orphans: it is reported in their place."""

Sighting = orphans.Sighting
Actions = dict[tuple[str, str, str], dict[str, str]]
run = connection.run


def sweep(dry: bool) -> dict[str, object]:
    """Look for orphans at every provider, report and perhaps delete them; `dry` writes nothing and only tells.

    Returns `actions`, a list of `{provider, kind, id, name, action}`; `orphans`, how many count at each provider; and
    `skipped`, why a provider was not looked at. Actions are `report`, `delete`, `failed`; `crowd` (too many, not
    touched); with `dry` also `watch` (not seen for long enough), `keep` (reported already), `later` (too much for one
    sweep) and `gone`. Raises MissingSetting, DatabaseUnavailable.
    """
    one = _Sweep(ReconcileSettings.load(), dry, time.monotonic() + _SECONDS, _LOOKS, _DELETIONS)
    for provider in (carrying.RAILWAY, *TOOLS):
        begun = run(fleet.now)
        try:
            listing = carrying.read(provider)
        except (ProviderError, MissingSetting) as error:
            log.say("warning", "orphans were not looked for", provider=provider, reason=error.message)
            one.skipped[provider] = error.message
            continue
        if listing is not None:
            one.go_through(provider, listing, begun)
    told = ("report", "delete", "failed", "crowd")
    actions = [action for action in one.actions.values() if dry or action["action"] in told]
    return {"actions": actions, "orphans": one.counts, "skipped": one.skipped}


@dataclass
class _Sweep:
    """One sweep, and what it may still do."""

    settings: ReconcileSettings
    dry: bool
    until: float
    looks: int
    deletions: int
    actions: Actions = field(default_factory=dict[tuple[str, str, str], dict[str, str]])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    def go_through(self, provider: str, listing: Listing, begun: datetime) -> None:
        """Do what one provider's complete listing asks for. `begun` is when it was begun, by the database's clock."""
        # What is known is read after the listing: what was made and recorded meanwhile is in both.
        found, seen = run(partial(self._remember, provider, listing, begun))
        pause = timedelta(seconds=self.settings.orphan_after)
        ripe = [one for one in seen if one.sightings >= 2 and one.last_seen - one.first_seen >= pause]
        crowd = next((one for one in seen if one.kind == _MANY), None)
        things = {(one.kind, one.id): one for one in found}
        for one in seen:
            if one is not crowd:
                self._tell(things[one.kind, one.resource_id], "watch" if crowd is None else "crowd")
        ripe = [one for one in ripe if one.kind != _MANY]
        self.counts[provider] = len(ripe)
        if crowd is None:
            self._treat(ripe, things)
        elif crowd.last_seen - crowd.first_seen >= pause and crowd.sightings >= 2 and self._reported(crowd):
            log.say(
                "error",
                "more than half of what carries our name is known to nobody here",
                provider=provider,
                unknown=sum(one.kind != "volume" for one in found),
                of=listing.named,
                todo="most likely another environment's database shares this account; until that is settled nothing of"
                " it is deleted",
            )
        if not self.dry:
            measure({"Orphans": self.counts[provider]}, provider=provider)

    def _remember(
        self, provider: str, listing: Listing, begun: datetime, db: connection.Connection
    ) -> tuple[list[Found], list[Sighting]]:
        if not self.dry:
            orphans.one_sweep(db)
        found = _strangers(listing, orphans.known(db), begun - timedelta(seconds=self.settings.orphan_after))
        seen = [(one.kind, one.id, one.name) for one in found]
        named = sum(one.kind != "volume" for one in found)
        if named > _CROWD and named * 2 > listing.named:
            seen.append((_MANY, _MANY, ""))
        rows = {(row.kind, row.resource_id, row.name): row for row in orphans.sightings(db, provider)}
        now = fleet.now(db)
        fresh: list[Sighting] = []
        for kind, resource_id, name in seen:
            row = rows.get((kind, resource_id, name))
            if row is None:
                fresh.append(Sighting(provider, kind, resource_id, name, now, now, 1, None))
            else:
                fresh.append(replace(row, last_seen=max(row.last_seen, begun), sightings=row.sightings + 1))
        if not self.dry:
            orphans.store(db, provider, fresh)
        return found, fresh

    def _treat(self, ripe: list[Sighting], things: dict[tuple[str, str], Found]) -> None:
        """Report what counts by now, and delete it where that is wanted; volumes are told of before their service."""
        volumes = {one.resource_id: things["volume", one.resource_id] for one in ripe if one.kind == "volume"}
        for sighting in sorted(ripe, key=lambda one: (one.kind != "volume", one.first_seen)):
            found = things[sighting.kind, sighting.resource_id]
            try:
                action = self._report(sighting, found)
                if action in ("report", "keep") and self.settings.delete_orphans and found.kind != "volume":
                    action = self._delete(sighting, found, volumes)
            except (ProviderError, InvalidInput) as error:
                log.say("warning", "orphan was left for now", **_logged(found), reason=error.message)
                self._tell(found, "failed")
                if isinstance(error, ProviderError) and error.retryable:
                    # It would keep all the others waiting too.
                    return
                continue
            self._tell(found, action)
            self.counts[found.provider] -= action == "gone"

    def _report(self, sighting: Sighting, found: Found) -> str:
        if sighting.reported_at is not None:
            return "keep"
        if not self._may_look():
            return "later"
        if not carrying.is_there(found):
            return "gone"
        if self._reported(sighting):
            by_hand = "delete it by hand" if _detached(found) else "set ORPHANS=delete or delete it by hand"
            todo = "it is deleted by and by" if self.settings.delete_orphans and not _detached(found) else by_hand
            since = sighting.first_seen.isoformat(timespec="seconds")
            log.say("warning", "orphan: known to nobody here", **_logged(found), first_seen=since, todo=todo)
        return "report"

    def _reported(self, sighting: Sighting) -> bool:
        return not self.dry and run(lambda db: orphans.reported(db, sighting))

    def _delete(self, sighting: Sighting, found: Found, volumes: dict[str, Found]) -> str:
        if self.deletions < 1 or not self._may_look():
            return "later"
        if self.dry:
            return self._gone(found, _attached(found, volumes))

        def work(db: connection.Connection) -> str:
            # What is unknown becomes known only through an operation of its instance, or of one that wants its name.
            # Each begins under these two locks, and writes to the journal and the rows only while it runs; so who has
            # the locks and finds none running is sure that nobody records the thing, before it is gone. A create that
            # comes now waits, and finds its name free. A migration writes rows too, but holds a lock of its own.
            if not orphans.hold(db, _instances(found.name), found.name) or not orphans.still_seen(db, sighting):
                return "later"
            attached = _attached(found, volumes)
            if _known(found, orphans.known(db), attached or []):
                return "watch"
            if not carrying.is_there(found):
                return "gone"
            action = self._gone(found, attached)
            if action == "delete":
                orphans.forget(db, sighting)
            return action

        return run(work)

    def _gone(self, found: Found, attached: list[str] | None) -> str:
        """Delete it with these volumes, or with `dry` just say so."""
        if attached is None or (cost := 1 + len(attached)) > self.deletions:
            return "later"
        self.deletions -= cost
        if not self.dry:
            try:
                carrying.delete(found, attached)
            except ProviderRejected:
                # Nothing was done, so those that can be deleted need not wait for it.
                self.deletions += 1
                raise
            log.say("warning", "orphan deleted", **_logged(found), volumes=attached)
        for volume_id in attached:
            self._tell(replace(found, kind="volume", id=volume_id), "delete")
        return "delete"

    def _may_look(self) -> bool:
        self.looks -= 1
        return self.looks >= 0 and time.monotonic() < self.until

    def _tell(self, found: Found, action: str) -> None:
        self.actions[found.provider, found.kind, found.id] = {**_facts(found), "action": action}


def _facts(found: Found) -> dict[str, str]:
    return {"provider": found.provider, "kind": found.kind, "id": found.id, "name": found.name}


def _logged(found: Found) -> dict[str, str]:
    """The same for the log, where `name` is the logger's."""
    return {
        "provider": found.provider,
        "kind": found.kind,
        "resource_id": found.id,
        "resource_name": found.name,
    }


def _attached(found: Found, volumes: dict[str, Found]) -> list[str] | None:
    """The volumes that go with it; None where it has one that has not been seen for as long, or one has moved.

    A listing may lack what the one before it had, and nothing leads to a volume any more when its service is gone; so
    those that were seen count too.
    """
    if found.kind != "service":
        return []
    now = carrying.volumes_now()
    seen = {one.id for one in volumes.values() if one.service_id == found.id}
    attached = seen | {volume_id for volume_id, service_id in now.items() if service_id == found.id}
    moved = any(now.get(volume_id, found.id) != found.id for volume_id in seen)
    return None if moved or not attached <= volumes.keys() else sorted(attached)


def _detached(found: Found) -> bool:
    return found.kind == "volume" and found.service_id is None


def _strangers(listing: Listing, known: orphans.Known, oldest: datetime) -> list[Found]:
    """What is known to nobody and not younger than this: services and tools' resources, those services' volumes, and
    volumes of no service."""
    volumes = [one for one in listing.found if one.kind == "volume"]
    attached: dict[str | None, list[str]] = {}
    for one in volumes:
        attached.setdefault(one.service_id, []).append(one.id)
    strangers = [
        one
        for one in listing.found
        if one.kind != "volume"
        and (one.created_at is None or one.created_at <= oldest)
        and not _known(one, known, attached.get(one.id, []))
    ]
    services = {one.id for one in strangers if one.kind == "service"}
    strangers += [one for one in volumes if one.service_id in services]
    strangers += [one for one in volumes if one.service_id is None and one.id not in known.ids]
    return strangers


def _known(found: Found, known: orphans.Known, attached: list[str]) -> bool:
    """Whether somebody may use it or be making it; a service also by a volume that is attached to it."""
    instances = _instances(found.name)
    return (
        not known.ids.isdisjoint((found.id, *attached))
        or found.id in known.names
        or not known.names.isdisjoint((found.name, *map(naming.reference, instances)))
        or not known.instances.isdisjoint(instances)
    )


def _instances(name: str) -> set[str]:
    """The instances whose thing may carry this name: an inbox's also tells the operation that made it, after a dot,
    and an instance's id may have dots of its own."""
    parts = name.removeprefix(naming.AGENT_PREFIX).split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
