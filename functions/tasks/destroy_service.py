"""The step `service` of a destroy: delete the Railway service."""

from typing import Any

from pointsman.lifecycle import destroy_steps
from pointsman.workflows.handlers import task_handler


@task_handler("service")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return destroy_steps.destroy_service(operation_id)
