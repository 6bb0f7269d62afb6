"""The step `service` of a create: create the Railway service."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("service", prepare=lambda _event: create_steps.plan_service)
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.create_service(attempt)
