"""The task that advances a prompt: model turns and tool calls, until it ends or waits for an approval."""

import time
from typing import Any

from composition import compose
from pointsman.agent.loop.runner import advance_prompt
from pointsman.workflows.handlers import prompt_task_handler

agent = compose()


@prompt_task_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, object]:
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    return dict(advance_prompt(agent, event["promptId"], event["restarts"], deadline))
