"""The orphan sweep: finds resources with our names that no row and no open journal entry knows, and deletes them.

    unknown in a listing ──▶ unknown for ORPHAN_AFTER_SECONDS ──▶ confirmed by a single read ──▶ reported ──▶ deleted

A resource advances only while every complete listing has it and nothing knows it; otherwise it starts over. Only with
`ORPHANS=delete` is the last step taken.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, NamedTuple

from .. import log
from ..db import audit_log, locks, orphan_decisions, orphan_sightings
from ..db.connection import Connection, get_database_time, run_in_transaction
from ..db.orphan_decisions import Decided, Decision
from ..db.orphan_sightings import Sighting
from ..errors import InvalidInput, PointsmanError, ProviderError, ProviderRejected, SettingError
from ..metrics import emit_metrics
from ..providers.registry import TOOLS
from ..settings.operations import ReconcileSettings
from . import key_spend, provider_inventory
from .orphan_candidates import find_orphan_candidates, is_known, list_possible_instance_ids
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

_DECISIONS: dict[Action, Decision] = {
    "watch": "watched",
    "keep": "reported",
    "report": "reported",
    "delete": "deleted",
    "failed": "failed",
    "later": "postponed",
    "gone": "resolved",
    "crowd": "refused",
}
"""What readers are told of each action."""


class _Verdict(NamedTuple):
    """What is done about a resource, and why."""

    action: Action
    reason: str


Verdicts = dict[tuple[str, str, str], tuple[InventoryItem, _Verdict]]

_GONE = _Verdict("gone", "the provider lists it, but a look at it alone did not find it")
_DELETED = _Verdict("delete", "ORPHANS=delete, and nothing knew it at the moment of its deletion")
_CROWD = _Verdict(
    "crowd",
    "more than half of what has our names there is unknown: most likely another environment's database shares the"
    " account, so nothing of it is deleted",
)
_NO_TIME = _Verdict("later", "this sweep has used up its time, its look-ups or its deletions; the next one goes on")


def sweep_orphans(dry_run: bool) -> dict[str, object]:
    """Find orphans at every provider, report them, and delete them if `ORPHANS=delete`. A dry run writes nothing.

    Returns:
        `actions`: a list of `{provider, kind, id, name, action, reason}`. The action is `report`, `delete`, `failed` or
        `crowd` (too many, not deleted); in a dry run also `watch` (not seen for long enough), `keep` (reported before),
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
    actions = [
        {"provider": item.provider, "kind": item.kind, "id": item.id, "name": item.name, **verdict._asdict()}
        for item, verdict in sweep.verdicts.values()
        if dry_run or verdict.action in reported_actions
    ]
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
        verdicts: the last verdict on each resource, by provider, kind and id.
        orphan_counts: the number of orphans by provider.
        skipped: why a provider could not be listed.
    """

    settings: ReconcileSettings
    dry_run: bool
    deadline: float
    remaining_checks: int
    remaining_deletions: int
    verdicts: Verdicts = field(default_factory=dict[tuple[str, str, str], tuple[InventoryItem, _Verdict]])
    orphan_counts: dict[str, int] = field(default_factory=dict[str, int])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    def process_inventory(self, provider: str, inventory: Inventory, listing_started_at: datetime) -> None:
        """Update the sightings from a provider's complete listing, then report and delete what is due.

        Args:
            provider: the provider's id.
            inventory: its complete listing.
            listing_started_at: when the listing began, by the database's clock.
        """
        if provider == "openrouter" and not self.dry_run:
            key_spend.record_spend(inventory)
        unknown_items, sightings = run_in_transaction(
            partial(self._update_sightings, provider, inventory, listing_started_at)
        )
        crowd = next((sighting for sighting in sightings if sighting.kind == _CROWD_KIND), None)
        sightings = [sighting for sighting in sightings if sighting is not crowd]
        items_by_key = {(item.kind, item.id): item for item in unknown_items}
        watch = _Verdict(
            "watch", f"it is an orphan once it was seen twice, {self.settings.orphan_after:g} s apart, and all the time"
        )
        for sighting in sightings:
            item = items_by_key[sighting.kind, sighting.resource_id]
            self._record_verdict(item, watch if crowd is None else _CROWD)
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
            run_in_transaction(orphan_decisions.record, provider, [self._to_decided(one) for one in sightings])
            emit_metrics({"Orphans": self.orphan_counts[provider]}, provider=provider)

    def _to_decided(self, sighting: Sighting) -> Decided:
        _, verdict = self.verdicts[sighting.provider, sighting.kind, sighting.resource_id]
        return Decided(sighting, _DECISIONS[verdict.action], verdict.reason)

    def _update_sightings(
        self, provider: str, inventory: Inventory, listing_started_at: datetime, db: Connection
    ) -> tuple[list[InventoryItem], list[Sighting]]:
        """Compare the listing with what is known, and store the provider's new sightings."""
        if not self.dry_run:
            locks.lock_orphan_sweep(db)
        # Read after the listing: a resource that was created and recorded in between is known then.
        known = orphan_sightings.load_known_resources(db)
        unknown_items = find_orphan_candidates(
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
        unavailable: _Verdict | None = None
        for sighting in sorted(confirmed, key=lambda item: (item.kind != "volume", item.first_seen)):
            item = items_by_key[sighting.kind, sighting.resource_id]
            if unavailable is not None:
                # Every other call would use up the sweep's time too.
                is_reported = sighting.reported_at is not None
                self._record_verdict(item, _Verdict("keep", self._describe_todo(item)) if is_reported else unavailable)
                continue
            try:
                verdict = self._report_orphan(sighting, item)
                if verdict.action in ("report", "keep") and self.settings.delete_orphans and item.kind != "volume":
                    verdict = self._delete_orphan(sighting, item, confirmed_volumes)
            except (ProviderError, InvalidInput) as error:
                log.write("warning", "orphan not deleted", **_to_log_fields(item), reason=error.message)
                verdict = _Verdict("failed", error.message)
                if isinstance(error, ProviderError) and error.retryable:
                    unavailable = _Verdict("later", f"the provider did not answer for another one: {error.message}")
            self._record_verdict(item, verdict)
            self.orphan_counts[item.provider] -= verdict.action == "gone"

    def _report_orphan(self, sighting: Sighting, item: InventoryItem) -> _Verdict:
        todo = self._describe_todo(item)
        if sighting.reported_at is not None:
            return _Verdict("keep", todo)
        if not self._take_check():
            return _NO_TIME
        if not provider_inventory.exists(item):
            return _GONE
        if self._mark_reported(sighting):
            first_seen = sighting.first_seen.isoformat(timespec="seconds")
            log.write("warning", "orphan found", **_to_log_fields(item), first_seen=first_seen, todo=todo)
        return _Verdict("report", todo)

    def _describe_todo(self, item: InventoryItem) -> str:
        if _is_detached_volume(item):
            return "delete it by hand"
        if self.settings.delete_orphans:
            return "none: a sweep deletes it"
        return "set ORPHANS=delete or delete it by hand"

    def _mark_reported(self, sighting: Sighting) -> bool:
        return not self.dry_run and run_in_transaction(orphan_sightings.mark_reported, sighting)

    def _delete_orphan(
        self, sighting: Sighting, item: InventoryItem, confirmed_volumes: dict[str, InventoryItem]
    ) -> _Verdict:
        if self.remaining_deletions < 1 or not self._take_check():
            return _NO_TIME
        if self.dry_run:
            return self._delete_resource(item, _find_attached_volumes(item, confirmed_volumes))

        def delete_under_locks(db: Connection) -> _Verdict:
            # An unknown resource becomes known only through an operation of its instance, or of one that wants its
            # name. Operations start under these two locks, and write rows and journal entries only while they run. So
            # while the locks are held and none of them runs, nobody can record the resource before it is deleted. A
            # create that comes now waits, and finds its name free. A migration writes rows too, under its own lock.
            if not locks.try_lock_out_operations(
                db, list_possible_instance_ids(item.name), item.name
            ) or not orphan_sightings.lock_if_unchanged(db, sighting):
                return _Verdict("later", "an operation of its instance or its name, or another sweep, is at work")
            attached = _find_attached_volumes(item, confirmed_volumes)
            if is_known(item, orphan_sightings.load_known_resources(db), attached or []):
                return _Verdict("watch", "a row or an operation names it since it was listed")
            if not provider_inventory.exists(item):
                return _GONE
            verdict = self._delete_resource(item, attached)
            if verdict.action == "delete":
                orphan_sightings.delete(db, sighting)
                _audit(db, item, "succeeded", volumes=attached or [])
            return verdict

        # The provider deletes before the transaction commits, so what may happen is committed first.
        run_in_transaction(_audit, item, "started")
        try:
            verdict = run_in_transaction(delete_under_locks)
        except PointsmanError as error:
            run_in_transaction(_audit, item, "failed" if isinstance(error, ProviderRejected) else "unknown")
            raise
        if verdict.action != "delete":
            run_in_transaction(_audit, item, "skipped")
        return verdict

    def _delete_resource(self, item: InventoryItem, volume_ids: list[str] | None) -> _Verdict:
        """Delete the volumes, then the resource; a dry run only counts them.

        Args:
            item: the orphan.
            volume_ids: the volumes attached to it; None if it may not be deleted now.

        Raises:
            ProviderError: a deletion failed. What was deleted before is logged and among the actions.
        """
        if volume_ids is None:
            return _Verdict("later", "a volume of it was not seen for long enough, or belongs to another service now")
        if 1 + len(volume_ids) > self.remaining_deletions:
            return _NO_TIME
        deleted_volumes: list[str] = []
        try:
            for volume_id in volume_ids:
                volume = replace(item, kind="volume", id=volume_id)
                self._delete_single(volume)
                deleted_volumes.append(volume_id)
                self._record_verdict(volume, _DELETED)
            self._delete_single(item)
        except ProviderError:
            if deleted_volumes:
                log.write("warning", "volumes of an orphan deleted", **_to_log_fields(item), volumes=deleted_volumes)
            raise
        if not self.dry_run:
            log.write("warning", "orphan deleted", **_to_log_fields(item), volumes=deleted_volumes)
        return _DELETED

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

    def _record_verdict(self, item: InventoryItem, verdict: _Verdict) -> None:
        self.verdicts[item.provider, item.kind, item.id] = item, verdict


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
