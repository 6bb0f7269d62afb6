"""Step of create_instance and provision: make one tool's resource."""

from typing import Any

from pointsman.lifecycle import tool_steps
from pointsman.workflows.handlers import task_handler


@task_handler("tool")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return tool_steps.provision_tool(operation_id, event["tool"])
