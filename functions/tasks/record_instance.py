"""The step `record` of a create: record the instance and its tools, and end the operation."""

from typing import Any

from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("record")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.record_instance(operation_id)
