"""Step of create_instance: attach the volume."""

from typing import Any

from pointsman.lifecycle import create
from pointsman.lifecycle.task import task_handler


@task_handler("volume")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return create.attach_volume(operation_id)
