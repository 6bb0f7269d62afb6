"""The step `service` of a create: create the Railway service."""

from typing import Any

from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("service")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.create_service(operation_id)
