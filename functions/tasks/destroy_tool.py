"""The tool step of a destroy: delete one tool's resource. The step has the tool's id as its name."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import destroy_steps
from pointsman.workflows.handlers import task_handler


@task_handler("tool")
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return destroy_steps.destroy_tool(attempt, event["tool"])
