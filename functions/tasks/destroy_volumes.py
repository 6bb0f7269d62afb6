"""The step `volumes` of a destroy: delete the instance's volumes."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import destroy_steps
from pointsman.workflows.handlers import task_handler


@task_handler("volumes")
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return destroy_steps.destroy_volumes(attempt)
