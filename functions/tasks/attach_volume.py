"""The step `volume` of a create: attach a volume to the service."""

from typing import Any

from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("volume")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.attach_volume(operation_id)
