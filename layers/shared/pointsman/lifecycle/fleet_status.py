"""What the fleet looks like at Railway now."""

from collections.abc import Collection, Iterator

from ..providers import railway
from ..settings.providers import RailwaySettings
from . import resource_names

__all__ = ["iter_live_instances", "read_fleet_status"]


def iter_live_instances(instance_ids: Collection[str] = ()) -> Iterator[tuple[str, railway.ServiceInstance]]:
    """Every agent in the configured environment with its instance id, read live, all pages; with ids, only those.

    Raises ProviderError where Railway cannot be read to the end: half a fleet would be taken for the whole.
    """
    requested_ids = frozenset(instance_ids)
    for instance in railway.get_client().list_service_instances():
        instance_id = resource_names.parse_instance_id(instance.name)
        if instance_id is not None and (not requested_ids or instance_id in requested_ids):
            yield instance_id, instance


def read_fleet_status(instance_ids: Collection[str] = ()) -> dict[str, object]:
    """The same as clients are told it (contract, status/batch). Raises ProviderError."""
    services = [
        {
            "instanceId": instance_id,
            "serviceId": instance.service_id,
            "name": instance.name,
            "deployStatus": instance.status,
            "domain": instance.domain,
            "image": instance.image,
            "environmentIds": [instance.environment_id],
        }
        for instance_id, instance in iter_live_instances(instance_ids)
    ]
    return {"projectId": RailwaySettings.load().project_id, "services": services}
