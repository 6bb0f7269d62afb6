"""The tool step of a create or provision: create one tool's resource. The step has the tool's id as its name."""

from typing import Any

from pointsman.lifecycle import tool_steps
from pointsman.workflows.handlers import task_handler


@task_handler("tool")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return tool_steps.provision_tool(operation_id, event["tool"])
