"""The step `attach` of a provision: set the tool's variables on the instance, and record the tool."""

from typing import Any

from pointsman.lifecycle import tool_steps
from pointsman.workflows.handlers import task_handler


@task_handler("attach")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return tool_steps.attach_tool(operation_id)
