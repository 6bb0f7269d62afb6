"""Bring the databases up to date. Invoked at each deployment, and by the local runner at start."""

from typing import Any

from pointsman.errors import InvalidInput
from pointsman.lifecycle.legacy_migration import migrate


def handler(event: dict[str, Any], context: object) -> dict[str, object]:
    drop = event.get("drop", False)
    if not isinstance(drop, bool):
        raise InvalidInput("drop has to be true or false")
    return migrate(drop)
