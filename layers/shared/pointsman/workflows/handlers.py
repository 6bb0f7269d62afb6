"""Lambda handlers of tasks and schedules: each wraps a function and turns its errors into what AWS acts on.

Step Functions matches error names exactly and knows no inheritance, so a task raises exactly `Transient` (retry) or
`Permanent` (do not retry). A killed process or a timeout has an error name of AWS's own; what waits ends before the
timeout (`deadlines`), so that a slow provider is a transient failure. What a handler returns or raises is stored in the
execution's history: ids and safe messages only.
"""

import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import Any

from .. import deadlines, log
from ..actor import Actor, set_actor
from ..db import connection, operations, schedule_runs, step_attempts
from ..db.step_attempts import PlanIntent, StepAttempt
from ..errors import Misconfigured, OperationFailed, PointsmanError
from ..metrics import emit_metrics, emit_provider_calls
from ..misconfiguration import find_misconfiguration, report_misconfiguration

__all__ = ["Permanent", "RunFailed", "Transient", "prompt_task_handler", "scheduled_handler", "task_handler"]

Result = dict[str, object]
Event = Mapping[str, object]
StepTask = Callable[[StepAttempt, dict[str, Any]], Result]
PromptTask = Callable[[dict[str, Any], Any], Result]

log.preload()


class Transient(Exception):
    """The failure may pass: the state machine retries the task."""


class Permanent(Exception):
    """The failure will not pass: the state machine goes on to the state's catcher."""


class RunFailed(Exception):
    """A scheduled run failed. It is not retried: the schedule's next run comes anyway."""


def _plan_nothing(_event: dict[str, Any]) -> PlanIntent:
    return lambda _attempt: None


def task_handler(
    step_name: str, *, prepare: Callable[[dict[str, Any]], PlanIntent] = _plan_nothing
) -> Callable[[StepTask], Callable[[dict[str, Any], object], Result]]:
    """Make a Lambda handler of a step's function, which takes the attempt and the event.

    The handler begins the attempt in one transaction and ends it in another.

    Args:
        step_name: the step's name. An event with `tool` names the step after the tool instead.
        prepare: takes the event; returns what plans the intent that is recorded when the attempt begins. It may load
            settings, which must not be done while the transaction holds its locks.

    Raises (the handler):
        Transient: the step failed with a retryable error.
        Permanent: the step failed with another error.
    """

    def decorate(run_step: StepTask) -> Callable[[dict[str, Any], object], Result]:
        @wraps(run_step)
        def handler(event: dict[str, Any], context: object) -> Result:
            operation_id, step = str(event["operationId"]), str(event.get("tool") or step_name)
            log.set_context(operation_id=operation_id, step=step)
            set_actor(None)
            with (
                deadlines.begin(context),
                _emit_provider_calls(),
                _translate_errors(f"step {step}", lambda message: _record_failure(operation_id, step, message)),
            ):
                plan_intent = prepare(event)
                attempt = connection.run_in_transaction(step_attempts.begin, operation_id, step, plan_intent)
                if attempt is None:
                    raise OperationFailed(f"Operation {operation_id} is unknown")
                result = run_step(attempt, event)
                status = "skipped" if result.get("skipped") else "succeeded"
                warning = str(result.get("warning") or "") or None
                connection.run_in_transaction(step_attempts.end, attempt, status, warning)
            log.write("info", "step done", result=result)
            return result

        return handler

    return decorate


def prompt_task_handler(run_task: PromptTask) -> PromptTask:
    """Make a Lambda handler of a task of `run_prompt`, whose event has `promptId` and `restarts`.

    Raises (the handler):
        Transient, Permanent: as `task_handler` does.
    """

    @wraps(run_task)
    def handler(event: dict[str, Any], context: Any) -> Result:
        log.set_context(prompt_id=str(event["promptId"]))
        set_actor(None)
        with deadlines.begin(context), _emit_provider_calls(), _translate_errors("prompt task"):
            result = run_task(event, context)
        log.write("info", "prompt task done", result=result)
        return result

    return handler


def scheduled_handler(name: str, job: Callable[[Event], Result]) -> Callable[[Event, object], Result]:
    """Make the Lambda handler of the schedule `name`. `job` takes the event and returns counts, which are logged.

    A completed run is a metric, whose silence is an alarm; begin and end of each are recorded. A dry run
    (`"dry": true`) does neither.

    Raises (the handler):
        RunFailed: the job failed; its message is safe to log.
    """

    def handler(event: Event, context: object) -> Result:
        log.set_context(schedule=name, request_id=str(event.get("id", "")))
        set_actor(Actor("system", name, request_id=str(event.get("id", ""))))
        is_dry = event.get("dry") is True
        with deadlines.begin(context):
            started_at = None if is_dry else _record_begin(name)
            try:
                with _emit_provider_calls():
                    result = job(event)
                if not is_dry:
                    emit_metrics({"ScheduleCompleted": 1}, schedule=name)
            except PointsmanError as error:
                _report_misconfiguration(error)
                log.write("error", "run failed", code=error.code, reason=error.message)
                # What clients may read does not name a setting.
                shown = Misconfigured() if find_misconfiguration(error) else error
                _record_end(name, started_at, shown.message)
                raise RunFailed(f"{name}: {error.message}") from None
            except Exception as error:  # noqa: BLE001 - whatever fails, the function's error metric must show it
                message = _log_unexpected("run", error)
                _record_end(name, started_at, message)
                raise RunFailed(f"{name}: {message}") from None
            _record_end(name, started_at, None)
        log.write("info", "run done", result=result)
        return result

    return handler


@contextmanager
def _emit_provider_calls() -> Generator[None]:
    """Write the metrics of the block's provider calls, whether it succeeds or not."""
    try:
        yield
    finally:
        emit_provider_calls()


@contextmanager
def _translate_errors(subject: str, record: Callable[[str], None] = lambda _message: None) -> Generator[None]:
    """Turn whatever the block raises into Transient or Permanent, after a call of `record` with the message."""
    try:
        yield
    except PointsmanError as error:
        _report_misconfiguration(error)
        log.write("warning", f"{subject} failed", code=error.code, reason=error.message)
        record(error.message)
        kind = Transient if error.retryable else Permanent
        raise kind(error.message) from None
    except Exception as error:  # noqa: BLE001 - whatever fails, the state machine must learn of it
        message = _log_unexpected(subject, error)
        record(message)
        raise Permanent(f"{message} in {subject}") from None


def _report_misconfiguration(error: PointsmanError) -> None:
    if misconfiguration := find_misconfiguration(error):
        report_misconfiguration(misconfiguration)


def _log_unexpected(subject: str, error: Exception) -> str:
    """Log an unexpected error's type and place, and name its type. Its message may hold a secret and is dropped."""
    place = "".join(traceback.format_tb(error.__traceback__))
    log.write("error", f"{subject} failed unexpectedly", error=type(error).__name__, place=place)
    return f"unexpected {type(error).__name__}"


def _record_begin(schedule: str) -> datetime | None:
    """Record that a run begins, and return when; None if the database cannot be reached, which the job will report."""
    try:
        return connection.run_in_transaction(schedule_runs.begin, schedule)
    except PointsmanError:
        return None


def _record_end(schedule: str, started_at: datetime | None, error: str | None) -> None:
    """Record the end of the run that began then, if its begin was recorded and the database can be reached."""
    if started_at is None:
        return
    try:
        connection.run_in_transaction(schedule_runs.end, schedule, started_at, error)
    except PointsmanError as failure:
        log.write("warning", "the run's end could not be recorded", reason=failure.message)


def _record_failure(operation_id: str, step: str, message: str) -> None:
    """Record the step's failure if the database can be reached; the state machine learns of it in any case."""
    try:
        connection.run_in_transaction(operations.end_step, operation_id, step, "failed", message)
    except PointsmanError as error:
        log.write("warning", "the step's failure could not be recorded", reason=error.message)
