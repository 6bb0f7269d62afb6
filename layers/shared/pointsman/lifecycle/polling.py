"""Bringing the rows of the fleet to what Railway says of it, and counting them."""

from datetime import timedelta

from .. import log
from ..db import connection, fleet
from ..metrics import measure
from ..providers import railway
from ..providers.masking import word
from ..providers.railway_statuses import DEPLOYMENT_STATUSES

__all__ = ["poll"]

_LISTED_WITHIN = timedelta(seconds=120)
"""How long a service may be missing from listings after it is made; 90 s are seen."""

_NAMED = 20
"""How many instances a warning names."""

_UNKNOWN, _OTHER = "UNKNOWN", "OTHER"

run = connection.run


def poll() -> dict[str, object]:
    """Read the project once, write what has changed, and measure the fleet; returns counts.

    Raises ProviderError where Railway cannot be read to the end, and DatabaseUnavailable; then nothing is written.
    """
    begun = run(fleet.now)
    client = railway.configured()
    environment_id = client.environment_id
    seen = [_seen(instance) for instance in client.instances()]

    def write(db: connection.Connection) -> tuple[int, list[str], dict[str | None, int]]:
        fleet.one_poll(db)
        changed = fleet.update(db, environment_id, begun, seen)
        gone = fleet.mark_gone(db, environment_id, begun, seen, _LISTED_WITHIN)
        return changed, gone, fleet.count_by_status(db)

    changed, gone, counts = run(write)
    if gone:
        log.say("warning", "instances are gone at Railway", count=len(gone), instances=gone[:_NAMED])
    _measure(counts)
    return {"services": len(seen), "changed": changed, "gone": len(gone), "instances": sum(counts.values())}


def _seen(instance: railway.Instance) -> fleet.Seen:
    status = instance.status if instance.status in DEPLOYMENT_STATUSES else None
    url = f"https://{instance.domain}" if instance.domain else None
    return fleet.Seen(instance.service_id, status, url, instance.image)


def _measure(counts: dict[str | None, int]) -> None:
    measure({"InstancesTotal": sum(counts.values()), "InstancesGone": counts.get(fleet.GONE, 0)})
    named: dict[str, int] = {}
    for status, count in counts.items():
        # Other programs write this column too; what is no plain word could be anything.
        name = _UNKNOWN if not status else status if word(status) == status else _OTHER
        named[name] = named.get(name, 0) + count
    for name, count in sorted(named.items()):
        measure({"Instances": count}, status=name)
