"""End a prompt that cannot be gone on with."""

from typing import Any

from pointsman.prompts import closing
from pointsman.prompts.task import prompt_task_handler


@prompt_task_handler
def handler(event: dict[str, Any], context: object) -> dict[str, object]:
    return closing.terminate(event["promptId"], event["restarts"])
