"""The step `domain` of a create: create the service's public domain."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("domain", prepare=lambda _event: create_steps.plan_domain)
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.create_domain(attempt)
