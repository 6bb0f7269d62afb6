"""The step `service` of a destroy: delete the Railway service."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import destroy_steps
from pointsman.workflows.handlers import task_handler


@task_handler("service")
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return destroy_steps.destroy_service(attempt)
