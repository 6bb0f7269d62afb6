"""The tool step of a destroy: delete one tool's resource. The step has the tool's id as its name."""

from typing import Any

from pointsman.lifecycle import destroy_steps
from pointsman.workflows.handlers import task_handler


@task_handler("tool")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return destroy_steps.destroy_tool(operation_id, event["tool"])
