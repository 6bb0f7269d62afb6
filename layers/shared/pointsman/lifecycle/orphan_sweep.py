"""The orphan sweep: finds resources with our names that no row and no open journal entry knows, and deletes them.

    unknown in a listing ──▶ unknown for ORPHAN_AFTER_SECONDS ──▶ confirmed by a single read ──▶ reported ──▶ deleted

A resource advances only while every complete listing has it and nothing knows it; otherwise it starts over. Only with
`ORPHANS=delete` is the last step taken.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from .. import log
from ..db import audit_log, locks, orphan_sightings
from ..db.connection import Connection, get_database_time, run_in_transaction
from ..db.orphan_sightings import KnownResources, Sighting
from ..errors import InvalidInput, PointsmanError, ProviderError, ProviderRejected, SettingError
from ..metrics import emit_metrics
from ..providers.registry import TOOLS
from ..settings.operations import ReconcileSettings
from . import provider_inventory, resource_names
from .provider_inventory import Inventory, InventoryItem

__all__ = ["sweep_orphans"]

_MAX_DELETIONS = 20
"""Deletions per sweep; few enough that a mistake is noticed before much is deleted."""
_MAX_CHECKS = 100
"""Reads of single resources per sweep."""
_MAX_SECONDS = 150.0
"""Time for reports and deletions in one sweep, in seconds; the next sweep continues."""
_CROWD_THRESHOLD = 10
"""More orphans than this are a crowd if they are more than half of a provider's inventory."""
_CROWD_KIND = "many"
"""The kind of the sighting that stands for a crowd; it is reported instead of its orphans."""

Action = Literal["watch", "keep", "report", "delete", "failed", "later", "gone", "crowd"]
Actions = dict[tuple[str, str, str], dict[str, str]]


def sweep_orphans(dry_run: bool) -> dict[str, object]:
    """Find orphans at every provider, report them, and delete them if `ORPHANS=delete`. A dry run writes nothing.

    Returns:
        `actions`: a list of `{provider, kind, id, name, action}`. The action is `report`, `delete`, `failed` or `crowd`
        (too many, not deleted); in a dry run also `watch` (not seen for long enough), `keep` (reported before),
        `later` (over a limit of this sweep) and `gone`.
        `orphans`: the number of orphans by provider.
        `skipped`: by provider, why it could not be listed.

    Raises:
        MissingSetting: a setting of the sweep is missing or wrong.
        DatabaseUnavailable: the database cannot be reached.
    """
    sweep = _Sweep(ReconcileSettings.load(), dry_run, time.monotonic() + _MAX_SECONDS, _MAX_CHECKS, _MAX_DELETIONS)
    for provider in (provider_inventory.RAILWAY, *TOOLS):
        listing_started_at = run_in_transaction(get_database_time)
        try:
            inventory = provider_inventory.read(provider)
        except (ProviderError, SettingError) as error:
            log.write("warning", "orphans not listed", provider=provider, reason=error.message)
            sweep.skipped[provider] = error.message
            continue
        if inventory is not None:
            sweep.process_inventory(provider, inventory, listing_started_at)
    reported_actions = ("report", "delete", "failed", "crowd")
    actions = [action for action in sweep.actions.values() if dry_run or action["action"] in reported_actions]
    return {"actions": actions, "orphans": sweep.orphan_counts, "skipped": sweep.skipped}


@dataclass
class _Sweep:
    """One sweep, and its remaining budget.

    Attributes:
        settings: the reconciler's settings.
        dry_run: whether nothing is written and deleted.
        deadline: when reports and deletions stop, by `time.monotonic()`.
        remaining_checks: how many single resources may still be read.
        remaining_deletions: how many resources may still be deleted.
        actions: the last action on each resource, by provider, kind and id.
        orphan_counts: the number of orphans by provider.
        skipped: why a provider could not be listed.
    """

    settings: ReconcileSettings
    dry_run: bool
    deadline: float
    remaining_checks: int
    remaining_deletions: int
    actions: Actions = field(default_factory=dict[tuple[str, str, str], dict[str, str]])
    orphan_counts: dict[str, int] = field(default_factory=dict[str, int])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    def process_inventory(self, provider: str, inventory: Inventory, listing_started_at: datetime) -> None:
        """Update the sightings from a provider's complete listing, then report and delete what is due.

        Args:
            provider: the provider's id.
            inventory: its complete listing.
            listing_started_at: when the listing began, by the database's clock.
        """
        unknown_items, sightings = run_in_transaction(
            partial(self._update_sightings, provider, inventory, listing_started_at)
        )
        crowd = next((sighting for sighting in sightings if sighting.kind == _CROWD_KIND), None)
        sightings = [sighting for sighting in sightings if sighting is not crowd]
        items_by_key = {(item.kind, item.id): item for item in unknown_items}
        for sighting in sightings:
            item = items_by_key[sighting.kind, sighting.resource_id]
            self._record_action(item, "watch" if crowd is None else "crowd")
        confirmed = [sighting for sighting in sightings if self._is_confirmed(sighting)]
        self.orphan_counts[provider] = len(confirmed)
        if crowd is None:
            self._report_and_delete(confirmed, items_by_key)
        elif self._is_confirmed(crowd) and self._mark_reported(crowd):
            log.write(
                "error",
                "more than half of an inventory are orphans",
                provider=provider,
                unknown=sum(item.kind != "volume" for item in unknown_items),
                of=inventory.named_count,
                todo="most likely another environment's database shares this account; until that is settled nothing of"
                " it is deleted",
            )
        if not self.dry_run:
            emit_metrics({"Orphans": self.orphan_counts[provider]}, provider=provider)

    def _update_sightings(
        self, provider: str, inventory: Inventory, listing_started_at: datetime, db: Connection
    ) -> tuple[list[InventoryItem], list[Sighting]]:
        """Compare the listing with what is known, and store the provider's new sightings."""
        if not self.dry_run:
            locks.lock_orphan_sweep(db)
        # Read after the listing: a resource that was created and recorded in between is known then.
        known = orphan_sightings.load_known_resources(db)
        unknown_items = _find_orphan_candidates(
            inventory, known, listing_started_at - timedelta(seconds=self.settings.orphan_after)
        )
        sighted_keys = [(item.kind, item.id, item.name) for item in unknown_items]
        unknown_count = sum(item.kind != "volume" for item in unknown_items)
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

    def _is_confirmed(self, sighting: Sighting) -> bool:
        min_age = timedelta(seconds=self.settings.orphan_after)
        return sighting.sightings >= 2 and sighting.last_seen - sighting.first_seen >= min_age

    def _report_and_delete(self, confirmed: list[Sighting], items_by_key: dict[tuple[str, str], InventoryItem]) -> None:
        """Report confirmed orphans, and delete them if the settings say so; volumes come before their services."""
        confirmed_volumes = {
            sighting.resource_id: items_by_key["volume", sighting.resource_id]
            for sighting in confirmed
            if sighting.kind == "volume"
        }
        for sighting in sorted(confirmed, key=lambda item: (item.kind != "volume", item.first_seen)):
            item = items_by_key[sighting.kind, sighting.resource_id]
            try:
                action = self._report_orphan(sighting, item)
                if action in ("report", "keep") and self.settings.delete_orphans and item.kind != "volume":
                    action = self._delete_orphan(sighting, item, confirmed_volumes)
            except (ProviderError, InvalidInput) as error:
                log.write("warning", "orphan not deleted", **_to_log_fields(item), reason=error.message)
                self._record_action(item, "failed")
                if isinstance(error, ProviderError) and error.retryable:
                    # The provider is unavailable, so every other call would use up the sweep's time too.
                    return
                continue
            self._record_action(item, action)
            self.orphan_counts[item.provider] -= action == "gone"

    def _report_orphan(self, sighting: Sighting, item: InventoryItem) -> Action:
        if sighting.reported_at is not None:
            return "keep"
        if not self._take_check():
            return "later"
        if not provider_inventory.exists(item):
            return "gone"
        if self._mark_reported(sighting):
            if _is_detached_volume(item):
                todo = "delete it by hand"
            elif self.settings.delete_orphans:
                todo = "none: a sweep deletes it"
            else:
                todo = "set ORPHANS=delete or delete it by hand"
            first_seen = sighting.first_seen.isoformat(timespec="seconds")
            log.write("warning", "orphan found", **_to_log_fields(item), first_seen=first_seen, todo=todo)
        return "report"

    def _mark_reported(self, sighting: Sighting) -> bool:
        return not self.dry_run and run_in_transaction(orphan_sightings.mark_reported, sighting)

    def _delete_orphan(
        self, sighting: Sighting, item: InventoryItem, confirmed_volumes: dict[str, InventoryItem]
    ) -> Action:
        if self.remaining_deletions < 1 or not self._take_check():
            return "later"
        if self.dry_run:
            return self._delete_resource(item, _find_attached_volumes(item, confirmed_volumes))

        def delete_under_locks(db: Connection) -> Action:
            # An unknown resource becomes known only through an operation of its instance, or of one that wants its
            # name. Operations start under these two locks, and write rows and journal entries only while they run. So
            # while the locks are held and none of them runs, nobody can record the resource before it is deleted. A
            # create that comes now waits, and finds its name free. A migration writes rows too, under its own lock.
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
                _audit(db, item, "succeeded", volumes=attached or [])
            return action

        # The provider deletes before the transaction commits, so what may happen is committed first.
        run_in_transaction(_audit, item, "started")
        try:
            action = run_in_transaction(delete_under_locks)
        except PointsmanError as error:
            run_in_transaction(_audit, item, "failed" if isinstance(error, ProviderRejected) else "unknown")
            raise
        if action != "delete":
            run_in_transaction(_audit, item, "skipped")
        return action

    def _delete_resource(self, item: InventoryItem, volume_ids: list[str] | None) -> Action:
        """Delete the volumes, then the resource; a dry run only counts them.

        Args:
            item: the orphan.
            volume_ids: the volumes attached to it; None if it may not be deleted now.

        Raises:
            ProviderError: a deletion failed. What was deleted before is logged and among the actions.
        """
        if volume_ids is None or 1 + len(volume_ids) > self.remaining_deletions:
            return "later"
        deleted_volumes: list[str] = []
        try:
            for volume_id in volume_ids:
                volume = replace(item, kind="volume", id=volume_id)
                self._delete_single(volume)
                deleted_volumes.append(volume_id)
                self._record_action(volume, "delete")
            self._delete_single(item)
        except ProviderError:
            if deleted_volumes:
                log.write("warning", "volumes of an orphan deleted", **_to_log_fields(item), volumes=deleted_volumes)
            raise
        if not self.dry_run:
            log.write("warning", "orphan deleted", **_to_log_fields(item), volumes=deleted_volumes)
        return "delete"

    def _delete_single(self, item: InventoryItem) -> None:
        self.remaining_deletions -= 1
        if self.dry_run:
            return
        try:
            provider_inventory.delete(item)
        except ProviderRejected:
            # Nothing was deleted, so the attempt does not count.
            self.remaining_deletions += 1
            raise

    def _take_check(self) -> bool:
        self.remaining_checks -= 1
        return self.remaining_checks >= 0 and time.monotonic() < self.deadline

    def _record_action(self, item: InventoryItem, action: Action) -> None:
        self.actions[item.provider, item.kind, item.id] = {
            "provider": item.provider,
            "kind": item.kind,
            "id": item.id,
            "name": item.name,
            "action": action,
        }


def _audit(db: Connection, item: InventoryItem, outcome: audit_log.Outcome, **details: object) -> None:
    described = {"provider": item.provider, "kind": item.kind, "name": item.name, **details}
    audit_log.record(db, "orphan.delete", "resource", item.id, outcome, details=described)


def _to_log_fields(item: InventoryItem) -> dict[str, str]:
    # Not `name`, which is the logger's own field.
    return {"provider": item.provider, "kind": item.kind, "resource_id": item.id, "resource_name": item.name}


def _find_attached_volumes(item: InventoryItem, confirmed_volumes: dict[str, InventoryItem]) -> list[str] | None:
    """List the volumes that are deleted with a service.

    One listing may lack what the one before it had, and after the service's deletion nothing leads to its volumes. So
    the confirmed volumes count too.

    Returns:
        The volumes' ids; None if a volume is not confirmed yet, or is attached to another service now.
    """
    if item.kind != "service":
        return []
    service_by_volume = provider_inventory.read_volume_attachments()
    seen_volume_ids = {volume.id for volume in confirmed_volumes.values() if volume.service_id == item.id}
    attached = seen_volume_ids | {
        volume_id for volume_id, service_id in service_by_volume.items() if service_id == item.id
    }
    moved = any(service_by_volume.get(volume_id, item.id) != item.id for volume_id in seen_volume_ids)
    return None if moved or not attached <= confirmed_volumes.keys() else sorted(attached)


def _is_detached_volume(item: InventoryItem) -> bool:
    return item.kind == "volume" and item.service_id is None


def _find_orphan_candidates(
    inventory: Inventory, known: KnownResources, created_before: datetime
) -> list[InventoryItem]:
    """List the unknown items of an inventory.

    Services and tools' resources count if they are not younger than `created_before`; with a service its volumes count,
    and volumes that are attached to no service.
    """
    volumes = [item for item in inventory.items if item.kind == "volume"]
    attached: dict[str | None, list[str]] = {}
    for volume in volumes:
        attached.setdefault(volume.service_id, []).append(volume.id)
    unknown_items = [
        item
        for item in inventory.items
        if item.kind != "volume"
        and (item.created_at is None or item.created_at <= created_before)
        and not _is_known(item, known, attached.get(item.id, []))
    ]
    services = {item.id for item in unknown_items if item.kind == "service"}
    unknown_items += [volume for volume in volumes if volume.service_id in services]
    unknown_items += [volume for volume in volumes if volume.service_id is None and volume.id not in known.resource_ids]
    return unknown_items


def _is_known(item: InventoryItem, known: KnownResources, attached: list[str]) -> bool:
    """Return whether an instance may use the resource or an operation may be creating it.

    A service is known by its attached volumes too.
    """
    instance_ids = _possible_instance_ids(item.name)
    return (
        not known.resource_ids.isdisjoint((item.id, *attached))
        or item.id in known.names
        or not known.names.isdisjoint((item.name, *map(resource_names.build_reference, instance_ids)))
        or not known.busy_instance_ids.isdisjoint(instance_ids)
    )


def _possible_instance_ids(name: str) -> set[str]:
    """Return the ids of the instances whose resource may have this name.

    An inbox's name ends with a dot and its operation's id, and an instance id may contain dots.
    """
    parts = name.removeprefix(resource_names.AGENT_PREFIX).split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
