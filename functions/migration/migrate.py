"""The migration of the databases, invoked at each deployment and at the local runner's start."""

from typing import Any

from pointsman.errors import InvalidInput
from pointsman.lifecycle.legacy_migration import migrate


def handler(event: dict[str, Any], context: object) -> dict[str, object]:
    """Run the legacy migration. `drop: true` in the event drops the legacy columns too."""
    drop = event.get("drop", False)
    if not isinstance(drop, bool):
        raise InvalidInput("drop has to be true or false")
    return migrate(drop)
