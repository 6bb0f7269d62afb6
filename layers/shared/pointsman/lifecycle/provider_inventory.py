"""What carries our name at the providers: reading it, looking at one thing of it, deleting one."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ..db import connection, orphan_sightings
from ..errors import ProviderRejected
from ..json_values import as_datetime
from ..providers import railway
from ..providers.base import ProviderResource
from ..providers.registry import get_tool_provider
from ..settings.instances import InstanceRuntimeSettings
from . import resource_names

__all__ = ["RAILWAY", "Inventory", "InventoryItem", "delete", "exists", "read", "read_volume_attachments"]

RAILWAY = "railway"


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """A thing in a listing. `kind` is `service`, `volume` or `tool`; `created_at` is None where nobody tells.

    `service_id` is where a volume is attached; its `name` is that service's. A volume that is attached to none carries
    no name at all.
    """

    provider: str
    kind: str
    id: str
    name: str
    created_at: datetime | None = None
    service_id: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """A complete listing of a provider. `named` is how many services or tools' resources carry our name."""

    items: list[InventoryItem]
    named_count: int


def read(provider: str) -> Inventory | None:
    """All that carries our name, read to the end; None where the provider has no credentials.

    Raises ProviderError where it cannot be read to the end, MissingSetting.
    """
    if provider == RAILWAY:
        return _read_railway()
    provider_client = get_tool_provider(provider)
    if provider_client is None:
        return None
    resources = {one.id: one for one in provider_client.list() if one.id and resource_names.parse_instance_id(one.name)}
    shared_number = _keep_digits(InstanceRuntimeSettings.load().variables.get("TELNYX_PHONE_NUMBER", ""))
    # The number in the settings is handed to every instance, whatever reference it carries.
    owned = [one for one in resources.values() if provider != "telnyx" or _keep_digits(one.id) != shared_number]
    return Inventory([_to_tool_item(provider, one) for one in owned], len(owned))


def _to_tool_item(provider: str, resource: ProviderResource) -> InventoryItem:
    return InventoryItem(provider, "tool", resource.id, resource.name, as_datetime(resource.meta.get("created_at")))


def _keep_digits(phone_number: str) -> str:
    return re.sub(r"\D", "", phone_number)


def _read_railway() -> Inventory:
    client = railway.get_client()
    service_names = {
        one.service_id: one.name
        for one in client.list_service_instances()
        if resource_names.parse_instance_id(one.name)
    }
    created_at_by_id = {one.id: one.created_at for one in client.list_services()}
    items = [
        InventoryItem(RAILWAY, "service", one, name, created_at_by_id.get(one)) for one, name in service_names.items()
    ]
    volumes = list(client.list_volumes())
    items += [
        InventoryItem(RAILWAY, "volume", one.id, service_names[one.service_id], service_id=one.service_id)
        for one in volumes
        if one.service_id in service_names
    ]
    detached = [one.id for one in volumes if one.service_id is None]
    previously_known = (
        connection.run_in_transaction(orphan_sightings.find_journaled_volumes, detached) if detached else set[str]()
    )
    items += [InventoryItem(RAILWAY, "volume", one, "") for one in detached if one in previously_known]
    return Inventory(items, len(service_names))


def exists(item: InventoryItem) -> bool:
    """A look at the one thing. A service that has been deployed in another environment is not ours to find.

    Raises ProviderError, InvalidInput for an id that cannot be asked for.
    """
    if item.provider != RAILWAY:
        provider_client = get_tool_provider(item.provider)
        return provider_client is not None and provider_client.exists(item.id)
    client = railway.get_client()
    if item.kind == "volume":
        return read_volume_attachments().get(item.id, "") == item.service_id
    return client.service_exists(item.id) and client.list_deployed_environment_ids(item.id) <= {client.environment_id}


def read_volume_attachments() -> dict[str, str | None]:
    """Each volume of the environment, and the service that it is attached to."""
    return {one.id: one.service_id for one in railway.get_client().list_volumes()}


def delete(item: InventoryItem, volume_ids: Collection[str]) -> None:
    """Delete it; a service's volumes first, because nothing tells which they were when it is gone.

    Raises ProviderError; what has been deleted by then is deleted.
    """
    if item.provider == RAILWAY:
        client = railway.get_client()
        for volume_id in volume_ids:
            client.delete_volume(volume_id)
        client.delete_service(item.id)
        return
    provider_client = get_tool_provider(item.provider)
    if provider_client is None:
        raise ProviderRejected(item.provider, "delete", "its credentials are not set", reason="unauthorized")
    provider_client.delete(item.id)
