"""The step `volumes` of a destroy: delete the instance's volumes."""

from typing import Any

from pointsman.lifecycle import destroy_steps
from pointsman.workflows.handlers import task_handler


@task_handler("volumes")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return destroy_steps.destroy_volumes(operation_id)
