"""Step of create_instance: make one tool's resource."""

from typing import Any

from pointsman.lifecycle import create
from pointsman.lifecycle.task import task


@task("tool")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return create.provision_tool(operation_id, event["tool"], {})
