"""Orphan candidates: which items of an inventory nothing knows."""

from datetime import datetime

from ..db.orphan_sightings import KnownResources
from . import resource_names
from .provider_inventory import Inventory, InventoryItem

__all__ = ["find_orphan_candidates", "is_known", "list_possible_instance_ids"]


def find_orphan_candidates(
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
        and not is_known(item, known, attached.get(item.id, []))
    ]
    services = {item.id for item in unknown_items if item.kind == "service"}
    unknown_items += [volume for volume in volumes if volume.service_id in services]
    unknown_items += [volume for volume in volumes if volume.service_id is None and volume.id not in known.resource_ids]
    return unknown_items


def is_known(item: InventoryItem, known: KnownResources, attached: list[str]) -> bool:
    """Return whether an instance may use the resource or an operation may be creating it.

    A service is known by its attached volumes too.
    """
    instance_ids = list_possible_instance_ids(item.name)
    return (
        not known.resource_ids.isdisjoint((item.id, *attached))
        or item.id in known.names
        or not known.names.isdisjoint((item.name, *map(resource_names.build_reference, instance_ids)))
        or not known.busy_instance_ids.isdisjoint(instance_ids)
    )


def list_possible_instance_ids(name: str) -> set[str]:
    """Return the ids of the instances whose resource may have this name.

    An inbox's name ends with a dot and its operation's id, and an instance id may contain dots.
    """
    parts = name.removeprefix(resource_names.AGENT_PREFIX).split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
