"""The fleet's status, read live from Railway. `fleet_snapshot` answers from the last listing instead."""

from collections.abc import Collection, Iterable

from ..providers import railway
from ..settings.providers import load_railway_environment
from . import resource_names

__all__ = ["build_response", "read_fleet_status"]


def read_fleet_status(instance_ids: Collection[str] = ()) -> dict[str, object]:
    """Return the response of status/batch (contract): every agent of the configured environment, all pages read.

    Args:
        instance_ids: only these; all if empty.

    Raises:
        ProviderError: the listing could not be read completely. A part of it would look like the whole fleet.
    """
    return build_response(railway.get_client().list_service_instances(), instance_ids)


def build_response(instances: Iterable[railway.ServiceInstance], instance_ids: Collection[str]) -> dict[str, object]:
    """Return the response for those of the services that are agents; only these ids, all if empty."""
    requested_ids = frozenset(instance_ids)
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
        for instance in instances
        if (instance_id := resource_names.parse_instance_id(instance.name)) is not None
        and (not requested_ids or instance_id in requested_ids)
    ]
    project_id, _, _ = load_railway_environment()
    return {"projectId": project_id, "services": services}
