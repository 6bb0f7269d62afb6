"""The step `attach` of a provision: set the tool's variables on the instance, and record the tool."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import tool_steps
from pointsman.workflows.handlers import task_handler


@task_handler("attach")
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return tool_steps.attach_tool(attempt)
