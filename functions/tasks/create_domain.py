"""The step `domain` of a create: create the service's public domain."""

from typing import Any

from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("domain")
def handler(operation_id: str, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.create_domain(operation_id)
