"""The step `undo` of a failed create or provision: delete everything that it created."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import compensation
from pointsman.workflows.handlers import task_handler


@task_handler("undo")
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return compensation.compensate(attempt)
