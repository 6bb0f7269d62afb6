"""One step of a state machine: what every task function is wrapped in.

Step Functions matches error names exactly and knows no inheritance, so a task raises exactly `Transient` (try again) or
`Permanent` (do not). Anything else that ends a task, such as a killed process or a timeout, has AWS's own names.
"""

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from .. import log
from ..db import connection, operations
from ..errors import PointsmanError

__all__ = ["Permanent", "Transient", "task_handler"]

Result = dict[str, object]

log.preload()


class Transient(Exception):
    """May pass: the state machine tries again."""


class Permanent(Exception):
    """Will not pass: the state machine goes on to its catcher."""


def task_handler(
    step_name: str,
) -> Callable[[Callable[[str, dict[str, Any]], Result]], Callable[[dict[str, Any], object], Result]]:
    """Make a Lambda handler of `do(operation_id, event)`, a step of this name.

    The step's beginning and end are written down. An event may carry `tool`; then the step is called like the tool.
    What the handler returns and what it raises goes into the execution's history: ids and safe messages only.
    """

    def decorate(run_step: Callable[[str, dict[str, Any]], Result]) -> Callable[[dict[str, Any], object], Result]:
        @wraps(run_step)
        def handler(event: dict[str, Any], _context: object) -> Result:
            operation_id, step = str(event["operationId"]), str(event.get("tool") or step_name)
            log.set_context(operation_id=operation_id, step=step)
            try:
                connection.run_in_transaction(lambda db: operations.begin_step(db, operation_id, step))
                result = run_step(operation_id, event)
                status = "skipped" if result.get("skipped") else "succeeded"
                warning = result.get("warning")
                warning_text = str(warning) if warning else None
                connection.run_in_transaction(
                    lambda db: operations.end_step(db, operation_id, step, status, warning_text)
                )
            except PointsmanError as error:
                log.write("warning", "step failed", code=error.code, reason=error.message)
                _record_failure(operation_id, step, error.message)
                kind = Transient if error.retryable else Permanent
                raise kind(error.message) from None
            except Exception as error:  # noqa: BLE001 - whatever breaks, the state machine must learn of it
                # Its message may hold anything, a secret too: only its kind and place are told.
                place = "".join(traceback.format_tb(error.__traceback__))
                log.write("error", "step broke off", error=type(error).__name__, place=place)
                _record_failure(operation_id, step, f"unexpected {type(error).__name__}")
                raise Permanent(f"unexpected {type(error).__name__} in step {step}") from None
            log.write("info", "step done", result=result)
            return result

        return handler

    return decorate


def _record_failure(operation_id: str, step: str, message: str) -> None:
    """Write the failure down if the database lets us; the state machine learns of it in any case."""
    try:
        connection.run_in_transaction(lambda db: operations.end_step(db, operation_id, step, "failed", message))
    except PointsmanError as error:
        log.write("warning", "the failure could not be written down", reason=error.message)
