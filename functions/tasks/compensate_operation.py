"""Last step of what failed: delete whatever it has made."""

from typing import Any

from pointsman.lifecycle import compensation
from pointsman.workflows.handlers import task_handler


@task_handler("undo")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return compensation.compensate(operation_id)
