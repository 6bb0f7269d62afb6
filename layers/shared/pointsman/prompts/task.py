"""One state of `run_prompt`: what its task functions are wrapped in."""

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from .. import log
from ..errors import PointsmanError
from ..lifecycle.task import Permanent, Transient

__all__ = ["prompt_task_handler"]

TaskResult = dict[str, object]
PromptTask = Callable[[dict[str, Any], Any], TaskResult]


def prompt_task_handler(task_function: PromptTask) -> PromptTask:
    """Make a Lambda handler of `do(event, context)`, whose event has `promptId` and `restarts`.

    What it returns and raises goes into the execution's history: ids and safe messages only.
    """

    @wraps(task_function)
    def handler(event: dict[str, Any], context: Any) -> TaskResult:
        log.set_context(prompt_id=str(event["promptId"]))
        try:
            result = task_function(event, context)
        except PointsmanError as error:
            log.write("warning", "prompt not gone on with", code=error.code, reason=error.message)
            kind = Transient if error.retryable else Permanent
            raise kind(error.message) from None
        except Exception as error:  # noqa: BLE001 - whatever breaks, the state machine must learn of it
            # Its message may hold anything, a secret too: only its kind and place are told.
            place = "".join(traceback.format_tb(error.__traceback__))
            log.write("error", "prompt broke off", error=type(error).__name__, place=place)
            raise Permanent(f"unexpected {type(error).__name__}") from None
        log.write("info", "prompt task done", result=result)
        return result

    return handler
