"""What the fleet looks like at Railway now."""

from collections.abc import Collection, Iterator

from ..providers import railway
from ..settings.railway import RailwaySettings
from . import naming

__all__ = ["batch", "fleet"]


def fleet(instance_ids: Collection[str] = ()) -> Iterator[tuple[str, railway.Instance]]:
    """Every agent in the configured environment with its instance id, read live, all pages; with ids, only those.

    Raises ProviderError where Railway cannot be read to the end: half a fleet would be taken for the whole.
    """
    wanted = frozenset(instance_ids)
    for instance in railway.configured().instances():
        instance_id = naming.instance_of(instance.name)
        if instance_id is not None and (not wanted or instance_id in wanted):
            yield instance_id, instance


def batch(instance_ids: Collection[str] = ()) -> dict[str, object]:
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
        for instance_id, instance in fleet(instance_ids)
    ]
    return {"projectId": RailwaySettings.load().project_id, "services": services}
