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
from ..db import locks, orphan_sightings
from ..db.connection import Connection, get_database_time, run_in_transaction
from ..errors import InvalidInput, ProviderError, ProviderRejected, SettingError
from ..metrics import emit_metrics
from ..providers.registry import TOOLS
from ..settings.operations import ReconcileSettings
from . import provider_inventory, resource_names
from .provider_inventory import Inventory, InventoryItem

__all__ = ["sweep_orphans"]

_MAX_DELETIONS = 20
"""So few in one sweep that a mistake is noticed before everything is gone."""
_MAX_CHECKS = 100
"""Things that one sweep asks for alone, at most."""
_MAX_SECONDS = 150.0
"""How long a sweep goes on with reports and deletions; what is left is the next one's."""
_CROWD_THRESHOLD = 10
"""From more orphans than this on, they may not be more than half of what carries our name."""
_CROWD_KIND = "many"
"""The kind of the sighting that stands for a crowd of orphans: it is reported in their place."""

Sighting = orphan_sightings.Sighting
Actions = dict[tuple[str, str, str], dict[str, str]]


def sweep_orphans(dry_run: bool) -> dict[str, object]:
    """Look for orphans at every provider, report and perhaps delete them; `dry` writes nothing and only tells.

    Returns `actions`, a list of `{provider, kind, id, name, action}`; `orphans`, how many count at each provider; and
    `skipped`, why a provider was not looked at. Actions are `report`, `delete`, `failed`; `crowd` (too many, not
    touched); with `dry` also `watch` (not seen for long enough), `keep` (reported already), `later` (too much for one
    sweep) and `gone`. Raises MissingSetting, DatabaseUnavailable.
    """
    current_sweep = _Sweep(
        ReconcileSettings.load(), dry_run, time.monotonic() + _MAX_SECONDS, _MAX_CHECKS, _MAX_DELETIONS
    )
    for provider in (provider_inventory.RAILWAY, *TOOLS):
        listing_started_at = run_in_transaction(get_database_time)
        try:
            inventory = provider_inventory.read(provider)
        except (ProviderError, SettingError) as error:
            log.write("warning", "orphans were not looked for", provider=provider, reason=error.message)
            current_sweep.skipped[provider] = error.message
            continue
        if inventory is not None:
            current_sweep.process_inventory(provider, inventory, listing_started_at)
    reported_actions = ("report", "delete", "failed", "crowd")
    actions = [action for action in current_sweep.actions.values() if dry_run or action["action"] in reported_actions]
    return {"actions": actions, "orphans": current_sweep.orphan_counts, "skipped": current_sweep.skipped}


@dataclass
class _Sweep:
    """One sweep, and what it may still do."""

    settings: ReconcileSettings
    dry_run: bool
    deadline: float
    remaining_checks: int
    remaining_deletions: int
    actions: Actions = field(default_factory=dict[tuple[str, str, str], dict[str, str]])
    orphan_counts: dict[str, int] = field(default_factory=dict[str, int])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    def process_inventory(self, provider: str, inventory: Inventory, listing_started_at: datetime) -> None:
        """Do what one provider's complete listing asks for. `begun` is when it was begun, by the database's clock."""
        # What is known is read after the listing: what was made and recorded meanwhile is in both.
        unknown_items, sightings = run_in_transaction(
            partial(self._update_sightings, provider, inventory, listing_started_at)
        )
        min_age = timedelta(seconds=self.settings.orphan_after)
        confirmed = [one for one in sightings if one.sightings >= 2 and one.last_seen - one.first_seen >= min_age]
        crowd = next((one for one in sightings if one.kind == _CROWD_KIND), None)
        items_by_key = {(one.kind, one.id): one for one in unknown_items}
        for one in sightings:
            if one is not crowd:
                self._record_action(items_by_key[one.kind, one.resource_id], "watch" if crowd is None else "crowd")
        confirmed = [one for one in confirmed if one.kind != _CROWD_KIND]
        self.orphan_counts[provider] = len(confirmed)
        if crowd is None:
            self._report_and_delete(confirmed, items_by_key)
        elif crowd.last_seen - crowd.first_seen >= min_age and crowd.sightings >= 2 and self._mark_reported(crowd):
            log.write(
                "error",
                "more than half of what carries our name is known to nobody here",
                provider=provider,
                unknown=sum(one.kind != "volume" for one in unknown_items),
                of=inventory.named_count,
                todo="most likely another environment's database shares this account; until that is settled nothing of"
                " it is deleted",
            )
        if not self.dry_run:
            emit_metrics({"Orphans": self.orphan_counts[provider]}, provider=provider)

    def _update_sightings(
        self, provider: str, inventory: Inventory, listing_started_at: datetime, db: Connection
    ) -> tuple[list[InventoryItem], list[Sighting]]:
        if not self.dry_run:
            locks.lock_orphan_sweep(db)
        unknown_items = _find_unknown_items(
            inventory,
            orphan_sightings.load_known_resources(db),
            listing_started_at - timedelta(seconds=self.settings.orphan_after),
        )
        sighted_keys = [(one.kind, one.id, one.name) for one in unknown_items]
        unknown_count = sum(one.kind != "volume" for one in unknown_items)
        if unknown_count > _CROWD_THRESHOLD and unknown_count * 2 > inventory.named_count:
            sighted_keys.append((_CROWD_KIND, _CROWD_KIND, ""))
        previous = {
            (row.kind, row.resource_id, row.name): row for row in orphan_sightings.list_for_provider(db, provider)
        }
        now = get_database_time(db)
        updated: list[Sighting] = []
        for kind, resource_id, name in sighted_keys:
            row = previous.get((kind, resource_id, name))
            if row is None:
                updated.append(Sighting(provider, kind, resource_id, name, now, now, 1, None))
            else:
                updated.append(
                    replace(row, last_seen=max(row.last_seen, listing_started_at), sightings=row.sightings + 1)
                )
        if not self.dry_run:
            orphan_sightings.replace_for_provider(db, provider, updated)
        return unknown_items, updated

    def _report_and_delete(self, confirmed: list[Sighting], items_by_key: dict[tuple[str, str], InventoryItem]) -> None:
        """Report what counts by now, and delete it where that is wanted; volumes are told of before their service."""
        confirmed_volumes = {
            one.resource_id: items_by_key["volume", one.resource_id] for one in confirmed if one.kind == "volume"
        }
        for sighting in sorted(confirmed, key=lambda one: (one.kind != "volume", one.first_seen)):
            item = items_by_key[sighting.kind, sighting.resource_id]
            try:
                action = self._report_orphan(sighting, item)
                if action in ("report", "keep") and self.settings.delete_orphans and item.kind != "volume":
                    action = self._delete_orphan(sighting, item, confirmed_volumes)
            except (ProviderError, InvalidInput) as error:
                log.write("warning", "orphan was left for now", **_to_log_fields(item), reason=error.message)
                self._record_action(item, "failed")
                if isinstance(error, ProviderError) and error.retryable:
                    # It would keep all the others waiting too.
                    return
                continue
            self._record_action(item, action)
            self.orphan_counts[item.provider] -= action == "gone"

    def _report_orphan(self, sighting: Sighting, item: InventoryItem) -> str:
        if sighting.reported_at is not None:
            return "keep"
        if not self._take_check():
            return "later"
        if not provider_inventory.exists(item):
            return "gone"
        if self._mark_reported(sighting):
            manual_todo = (
                "delete it by hand" if _is_detached_volume(item) else "set ORPHANS=delete or delete it by hand"
            )
            todo = (
                "it is deleted by and by"
                if self.settings.delete_orphans and not _is_detached_volume(item)
                else manual_todo
            )
            first_seen = sighting.first_seen.isoformat(timespec="seconds")
            log.write(
                "warning", "orphan: known to nobody here", **_to_log_fields(item), first_seen=first_seen, todo=todo
            )
        return "report"

    def _mark_reported(self, sighting: Sighting) -> bool:
        return not self.dry_run and run_in_transaction(orphan_sightings.mark_reported, sighting)

    def _delete_orphan(
        self, sighting: Sighting, item: InventoryItem, confirmed_volumes: dict[str, InventoryItem]
    ) -> str:
        if self.remaining_deletions < 1 or not self._take_check():
            return "later"
        if self.dry_run:
            return self._delete_resource(item, _find_attached_volumes(item, confirmed_volumes))

        def delete_under_locks(db: Connection) -> str:
            # What is unknown becomes known only through an operation of its instance, or of one that wants its name.
            # Each begins under these two locks, and writes to the journal and the rows only while it runs; so who has
            # the locks and finds none running is sure that nobody records the thing, before it is gone. A create that
            # comes now waits, and finds its name free. A migration writes rows too, but holds a lock of its own.
            if not locks.try_lock_out_operations(
                db, _possible_instance_ids(item.name), item.name
            ) or not orphan_sightings.lock_if_unchanged(db, sighting):
                return "later"
            attached = _find_attached_volumes(item, confirmed_volumes)
            if _is_known(item, orphan_sightings.load_known_resources(db), attached or []):
                return "watch"
            if not provider_inventory.exists(item):
                return "gone"
            action = self._delete_resource(item, attached)
            if action == "delete":
                orphan_sightings.delete(db, sighting)
            return action

        return run_in_transaction(delete_under_locks)

    def _delete_resource(self, item: InventoryItem, attached: list[str] | None) -> str:
        """Delete it with these volumes, or with `dry` just say so."""
        if attached is None or (cost := 1 + len(attached)) > self.remaining_deletions:
            return "later"
        self.remaining_deletions -= cost
        if not self.dry_run:
            try:
                provider_inventory.delete(item, attached)
            except ProviderRejected:
                # Nothing was done, so those that can be deleted need not wait for it.
                self.remaining_deletions += 1
                raise
            log.write("warning", "orphan deleted", **_to_log_fields(item), volumes=attached)
        for volume_id in attached:
            self._record_action(replace(item, kind="volume", id=volume_id), "delete")
        return "delete"

    def _take_check(self) -> bool:
        self.remaining_checks -= 1
        return self.remaining_checks >= 0 and time.monotonic() < self.deadline

    def _record_action(self, item: InventoryItem, action: str) -> None:
        self.actions[item.provider, item.kind, item.id] = {**_to_action_fields(item), "action": action}


def _to_action_fields(item: InventoryItem) -> dict[str, str]:
    return {"provider": item.provider, "kind": item.kind, "id": item.id, "name": item.name}


def _to_log_fields(item: InventoryItem) -> dict[str, str]:
    """The same for the log, where `name` is the logger's."""
    return {
        "provider": item.provider,
        "kind": item.kind,
        "resource_id": item.id,
        "resource_name": item.name,
    }


def _find_attached_volumes(item: InventoryItem, confirmed_volumes: dict[str, InventoryItem]) -> list[str] | None:
    """The volumes that go with it; None where it has one that has not been seen for as long, or one has moved.

    A listing may lack what the one before it had, and nothing leads to a volume any more when its service is gone; so
    those that were seen count too.
    """
    if item.kind != "service":
        return []
    service_by_volume = provider_inventory.read_volume_attachments()
    seen_volume_ids = {one.id for one in confirmed_volumes.values() if one.service_id == item.id}
    attached = seen_volume_ids | {
        volume_id for volume_id, service_id in service_by_volume.items() if service_id == item.id
    }
    moved = any(service_by_volume.get(volume_id, item.id) != item.id for volume_id in seen_volume_ids)
    return None if moved or not attached <= confirmed_volumes.keys() else sorted(attached)


def _is_detached_volume(item: InventoryItem) -> bool:
    return item.kind == "volume" and item.service_id is None


def _find_unknown_items(
    inventory: Inventory, known: orphan_sightings.KnownResources, created_before: datetime
) -> list[InventoryItem]:
    """What is known to nobody and not younger than this: services and tools' resources, those services' volumes, and
    volumes of no service."""
    volumes = [one for one in inventory.items if one.kind == "volume"]
    attached: dict[str | None, list[str]] = {}
    for one in volumes:
        attached.setdefault(one.service_id, []).append(one.id)
    unknown_items = [
        one
        for one in inventory.items
        if one.kind != "volume"
        and (one.created_at is None or one.created_at <= created_before)
        and not _is_known(one, known, attached.get(one.id, []))
    ]
    services = {one.id for one in unknown_items if one.kind == "service"}
    unknown_items += [one for one in volumes if one.service_id in services]
    unknown_items += [one for one in volumes if one.service_id is None and one.id not in known.resource_ids]
    return unknown_items


def _is_known(item: InventoryItem, known: orphan_sightings.KnownResources, attached: list[str]) -> bool:
    """Whether somebody may use it or be making it; a service also by a volume that is attached to it."""
    instance_ids = _possible_instance_ids(item.name)
    return (
        not known.resource_ids.isdisjoint((item.id, *attached))
        or item.id in known.names
        or not known.names.isdisjoint((item.name, *map(resource_names.build_reference, instance_ids)))
        or not known.busy_instance_ids.isdisjoint(instance_ids)
    )


def _possible_instance_ids(name: str) -> set[str]:
    """The instances whose thing may carry this name: an inbox's also tells the operation that made it, after a dot,
    and an instance's id may have dots of its own."""
    parts = name.removeprefix(resource_names.AGENT_PREFIX).split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
