"""The task of a prompt that waits for an approval: store the task token that a decision completes."""

from typing import Any

from pointsman.prompts import approvals
from pointsman.workflows.handlers import prompt_task_handler


@prompt_task_handler
def handler(event: dict[str, Any], context: object) -> dict[str, object]:
    return approvals.register_task_token(event["promptId"], event["restarts"], event["token"])
