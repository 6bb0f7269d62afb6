"""Step of provision: hand the tool's variables to the instance and write its row."""

from typing import Any

from pointsman.lifecycle import tools
from pointsman.lifecycle.task import task_handler


@task_handler("attach")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return tools.attach_tool(operation_id)
