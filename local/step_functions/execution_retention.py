# pyright: reportUnknownMemberType=false
# (a function is replaced in the module of moto that looks it up)
"""How long moto keeps an execution that has ended: its history briefly, its name and result for a while longer.

moto keeps everything for as long as the process lives, some 30 KB for each prompt. AWS forgets an execution 90 days
after its end. A running execution is never forgotten.
"""

import functools
import itertools
import threading
from datetime import UTC, datetime
from typing import Any, cast

MAX_ENDED = 1000
"""Ended executions of one state machine that are kept, the newest ones."""
MAX_HISTORIES = 100
"""Ended executions of one state machine whose history is kept too."""
MAX_AGE_SECONDS = 300.0
"""How long an ended execution is kept at most."""
_SETTLE_SECONDS = 1.0
"""How long after its end an execution counts as running: moto sets its results one by one."""
_STARTS_PER_SWEEP = 50


@functools.cache
def install_retention() -> None:
    """Let every 50th StartExecution forget ended executions, for the rest of this process."""
    from moto.stepfunctions.models import StateMachine
    from moto.stepfunctions.parser import utils
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    backend_class: Any = StepFunctionsParserBackend
    threads, machine_class = cast("list[Any]", utils.TMP_THREADS), cast(Any, StateMachine)
    start_execution = backend_class.start_execution
    starts = itertools.count(1)
    lock = threading.Lock()

    def start_and_forget(backend: Any, *args: Any, **options: Any) -> Any:
        # The lock keeps a start from being lost while a list is replaced, and two starts with the same name apart.
        with lock:
            execution = start_execution(backend, *args, **options)
            if next(starts) % _STARTS_PER_SWEEP == 0:
                for machine in backend.state_machines:
                    # A new list, because requests in other threads iterate over the present one.
                    machine.executions = select_kept(machine.executions, datetime.now(UTC))
                # Every thread that moto starts, read nowhere, and each execution's copy of its state machine, read by
                # moto's dashboard.
                threads.clear()
                machine_class.instances_tracked.clear()
        return execution

    backend_class.start_execution = start_and_forget


def select_kept(executions: list[Any], now: datetime) -> list[Any]:
    """Return the executions to keep, in their order; of the older ones drop what the interpreter has built up.

    Args:
        executions: moto's, in the order of their start.
        now: The present time, with a time zone.
    """
    kept: list[Any] = []
    ended_count = 0
    for execution in reversed(executions):
        age = _seconds_since_end(execution, now)
        if age > _SETTLE_SECONDS:
            ended_count += 1
            if ended_count > MAX_ENDED or age > MAX_AGE_SECONDS:
                continue
            if ended_count > MAX_HISTORIES:
                execution.exec_worker.env = _create_empty_environment()
        kept.append(execution)
    kept.reverse()
    return kept


def _seconds_since_end(execution: Any, now: datetime) -> float:
    if execution.stop_date is None or execution.status == "RUNNING":
        return 0.0
    return (now - execution.stop_date).total_seconds()


@functools.cache
def _create_empty_environment() -> Any:
    """Create the interpreter's state of an execution without events, task tokens and map runs, which cannot be run."""
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext

    context: Any = {"Execution": {"Input": {}}, "StateMachine": {}}
    return Environment(
        aws_execution_details=cast(Any, None),
        execution_type=cast(Any, "STANDARD"),
        context=context,
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
