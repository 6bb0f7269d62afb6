"""How far an operation is, and waiting for its end."""

import time

from ..db import connection, operations
from ..errors import NotFound
from ..settings.tuning import Tuning

__all__ = ["progress", "wait"]

_LOOK_EVERY = 1.0
"""Seconds between looks at a running operation whose end nobody has told."""


def wait(operation: operations.Operation) -> operations.Operation:
    """Wait until the operation has ended, for as long as an answer may take; then as it is."""
    deadline = time.monotonic() + Tuning.load().answer_within
    with connection.listening(operations.ENDED):
        while True:
            operation = progress(operation.id)[0]
            left = deadline - time.monotonic()
            if operation.status != "running" or left <= 0:
                return operation
            connection.wait_for(operations.ENDED, operation.id, min(left, _LOOK_EVERY))


def progress(operation_id: str) -> tuple[operations.Operation, list[operations.Step]]:
    """An operation and its steps so far. Raises NotFound."""

    def read(db: connection.Connection) -> tuple[operations.Operation, list[operations.Step]]:
        operation = operations.get(db, operation_id)
        if operation is None:
            raise NotFound(f"Operation {operation_id} not found")
        return operation, operations.steps(db, operation_id)

    return connection.run(read)
