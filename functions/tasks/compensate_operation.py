"""The step `undo` of a failed create or provision: delete everything that it created."""

from typing import Any

from pointsman.lifecycle import compensation
from pointsman.workflows.handlers import task_handler


@task_handler("undo")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return compensation.compensate(operation_id)
