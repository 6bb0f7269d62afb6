"""A process of the matrix: one stack, on which one case runs after the other."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from typing import Any

from .drive import discover, run
from .ground import Ground
from .plan import SCENARIOS

__all__ = ["worker_main"]


def worker_main(work: Any, done: Any) -> None:
    """Do what `work` orders until it orders None; `done` gets the outcomes, or the text of what broke."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # An exception leaves the block, which takes the stack down; the default would not.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Ground.standing() as ground:
            while (order := work.get()) is not None:
                what, subject = order
                if what == "discover":
                    calls, outcome = discover(ground, SCENARIOS[subject])
                    done.put((subject, calls, outcome))
                else:
                    done.put(run(ground, subject))
    except Exception:  # noqa: BLE001 - whatever it was, the one who waits must learn of it
        done.put(traceback.format_exc())


def _end_with_parent() -> None:
    """A worker whose parent was killed goes too; the stack's warden then ends what the stack has started."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
