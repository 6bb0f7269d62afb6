"""The last step of every operation, `close`: end it by what the resource journal says."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import finalization
from pointsman.workflows.handlers import task_handler


@task_handler("close")
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return finalization.close_operation(attempt)
