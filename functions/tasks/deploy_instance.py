"""The step `deploy` of a create: configure the service and deploy it."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("deploy")
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.deploy_instance(attempt)
