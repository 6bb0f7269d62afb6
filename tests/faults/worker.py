"""A process of the matrix: one stack, on which one case runs after the other."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from typing import Any

from .case_runner import discover_calls, run_case
from .cases import SCENARIOS
from .fault_stack import FaultStack

__all__ = ["worker_main"]


def worker_main(task_queue: Any, result_queue: Any) -> None:
    """Take tasks until None; put each outcome, or the traceback of the exception that ends the process."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    # An exception leaves the block, which stops the stack; the default action would not.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with FaultStack.start() as fault_stack:
            while (message := task_queue.get()) is not None:
                action, subject = message
                if action == "discover":
                    calls, outcome = discover_calls(fault_stack, SCENARIOS[subject])
                    result_queue.put((subject, calls, outcome))
                else:
                    result_queue.put(run_case(fault_stack, subject))
    except Exception:  # noqa: BLE001 - whatever it was, the one who waits must learn of it
        result_queue.put(traceback.format_exc())


def _exit_with_parent() -> None:
    """Exit when the parent is killed; the stack's reaper then ends what the stack has started."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
