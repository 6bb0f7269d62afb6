"""The step `volume` of a create: attach a volume to the service."""

from typing import Any

from pointsman.db.step_attempts import StepAttempt
from pointsman.lifecycle import create_steps
from pointsman.workflows.handlers import task_handler


@task_handler("volume", prepare=lambda _event: create_steps.plan_volume)
def handler(attempt: StepAttempt, event: dict[str, Any]) -> dict[str, object]:
    return create_steps.attach_volume(attempt)
