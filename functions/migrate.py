"""Bring the database's schema up to date. Invoked at each deployment, and by the local runner at start."""

from typing import Any

from pointsman.db.migrate import upgrade


def handler(event: dict[str, Any], context: object) -> dict[str, str | None]:
    return upgrade()
