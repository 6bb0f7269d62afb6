"""The last task of a prompt: end it if it did not end itself."""

from typing import Any

from pointsman.prompts import termination
from pointsman.workflows.handlers import prompt_task_handler


@prompt_task_handler
def handler(event: dict[str, Any], context: object) -> dict[str, object]:
    return termination.terminate(event["promptId"], event["restarts"])
