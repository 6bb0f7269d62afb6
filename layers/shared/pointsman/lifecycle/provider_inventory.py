"""Inventories: what carries our names at a provider, read completely; and single reads and deletions of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ..db import orphan_sightings
from ..db.connection import run_in_transaction
from ..errors import ProviderRejected
from ..json_values import as_datetime
from ..providers import railway
from ..providers.base import ProviderResource, delete_resource
from ..providers.registry import get_tool_provider
from ..settings.instances import load_shared_phone_number
from .resource_names import parse_instance_id

__all__ = ["RAILWAY", "Inventory", "InventoryItem", "delete", "exists", "read", "read_volume_attachments"]

RAILWAY = "railway"


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """A resource in a listing.

    Attributes:
        provider: the provider's id.
        kind: what the resource is.
        id: the provider's id of it.
        name: its name. A volume has its service's; a volume that is attached to none has an empty one.
        created_at: when it was created, None if the listing does not say.
        service_id: the service that a volume is attached to.
        meta: further facts of a tool's resource, as the listing has them.
    """

    provider: str
    kind: Literal["service", "volume", "tool"]
    id: str
    name: str
    created_at: datetime | None = None
    service_id: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A provider's complete listing of resources with our names; `named_count` counts them without the volumes."""

    items: list[InventoryItem]
    named_count: int


def read(provider: str) -> Inventory | None:
    """Read a provider's inventory, all pages; None if the provider's tool is not configured.

    Raises:
        ProviderError: the listing could not be read completely.
        MissingSetting: a setting of Railway is missing.
    """
    if provider == RAILWAY:
        return _read_railway()
    client = get_tool_provider(provider)
    if client is None:
        return None
    resources = {
        resource.id: resource for resource in client.list() if resource.id and parse_instance_id(resource.name)
    }
    shared_number = _keep_digits(load_shared_phone_number())
    # Every instance gets the number of this setting, so it belongs to none, whatever its reference is.
    owned = [
        resource
        for resource in resources.values()
        if provider != "telnyx" or _keep_digits(resource.id) != shared_number
    ]
    return Inventory([_to_tool_item(provider, resource) for resource in owned], len(owned))


def _to_tool_item(provider: str, resource: ProviderResource) -> InventoryItem:
    created_at = as_datetime(resource.meta.get("created_at"))
    return InventoryItem(provider, "tool", resource.id, resource.name, created_at, meta=resource.meta)


def _keep_digits(phone_number: str) -> str:
    return re.sub(r"\D", "", phone_number)


def _read_railway() -> Inventory:
    client = railway.get_client()
    service_names = {
        instance.service_id: instance.name
        for instance in client.list_service_instances()
        if parse_instance_id(instance.name)
    }
    created_at_by_id = {service.id: service.created_at for service in client.list_services()}
    items = [
        InventoryItem(RAILWAY, "service", service_id, name, created_at_by_id.get(service_id))
        for service_id, name in service_names.items()
    ]
    volumes = list(client.list_volumes())
    items += [
        InventoryItem(RAILWAY, "volume", volume.id, service_names[volume.service_id], service_id=volume.service_id)
        for volume in volumes
        if volume.service_id in service_names
    ]
    # A detached volume has no name, so only the journal tells whether it was ours.
    detached = [volume.id for volume in volumes if volume.service_id is None]
    journaled = run_in_transaction(orphan_sightings.find_journaled_volumes, detached) if detached else set[str]()
    items += [InventoryItem(RAILWAY, "volume", volume_id, "") for volume_id in detached if volume_id in journaled]
    return Inventory(items, len(service_names))


def exists(item: InventoryItem) -> bool:
    """Read the single resource. A service that is deployed in another environment too counts as not existing.

    Raises:
        ProviderError: the provider could not be read.
        InvalidInput: the id cannot stand in the provider's URL.
    """
    if item.provider != RAILWAY:
        provider = get_tool_provider(item.provider)
        return provider is not None and provider.exists(item.id)
    client = railway.get_client()
    if item.kind == "volume":
        return read_volume_attachments().get(item.id, "") == item.service_id
    return client.service_exists(item.id) and client.list_deployed_environment_ids(item.id) <= {client.environment_id}


def read_volume_attachments() -> dict[str, str | None]:
    """Return the service id by volume id, for every volume of the environment; None if it is attached to none."""
    return {volume.id: volume.service_id for volume in railway.get_client().list_volumes()}


def delete(item: InventoryItem) -> None:
    """Delete the resource. The volumes of a service must be deleted before: Railway keeps them.

    Raises:
        ProviderError: the provider did not confirm the deletion. After a ProviderRejected the resource still exists.
    """
    if item.provider == RAILWAY:
        client = railway.get_client()
        if item.kind == "volume":
            client.delete_volume(item.id)
        else:
            client.delete_service(item.id)
        return
    provider = get_tool_provider(item.provider)
    if provider is None:
        raise ProviderRejected(item.provider, "delete", "its credentials are not set", reason="unauthorized")
    delete_resource(provider, item.id)
