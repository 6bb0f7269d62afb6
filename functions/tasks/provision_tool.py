"""The tool step of a create or provision: create one tool's resource. The step has the tool's id as its name."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import tool_steps
from pointsman.workflows.handlers import task_handler


@task_handler("tool", prepare=lambda event: tool_steps.prepare_plan(event["tool"]))
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return tool_steps.provision_tool(attempt, event["tool"])
