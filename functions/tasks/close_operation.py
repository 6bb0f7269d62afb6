"""Last step of every state machine: end the operation by what the journal says."""

from typing import Any

from pointsman.lifecycle import closing
from pointsman.lifecycle.task import task_handler


@task_handler("close")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return closing.close_operation(operation_id)
