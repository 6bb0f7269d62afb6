"""The fleet's status, read live from Railway."""

from collections.abc import Collection, Iterator

from ..providers import railway
from ..settings.providers import RailwaySettings
from . import resource_names

__all__ = ["iter_live_instances", "read_fleet_status"]


def iter_live_instances(instance_ids: Collection[str] = ()) -> Iterator[tuple[str, railway.ServiceInstance]]:
    """Yield every agent of the configured environment with its instance id; all pages are read.

    Args:
        instance_ids: yield only these; all if empty.

    Raises:
        ProviderError: the listing could not be read completely. A part of it would look like the whole fleet.
    """
    requested_ids = frozenset(instance_ids)
    for instance in railway.get_client().list_service_instances():
        instance_id = resource_names.parse_instance_id(instance.name)
        if instance_id is not None and (not requested_ids or instance_id in requested_ids):
            yield instance_id, instance


def read_fleet_status(instance_ids: Collection[str] = ()) -> dict[str, object]:
    """Return the response of status/batch (contract).

    Args:
        instance_ids: only these; all if empty.

    Raises:
        ProviderError: the listing could not be read completely.
    """
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
