"""An attempt of a step: one transaction begins it and reads what it needs, one ends it and writes its outcome.

Both transactions lock the operation's row first, so that two attempts of one step cannot deadlock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Concatenate, NamedTuple, ParamSpec

from . import journal, operations
from .connection import Connection
from .journal import Entry, ResourceKind
from .operations import Operation, OperationStep, StepStatus

__all__ = ["Intent", "PlanIntent", "StepAttempt", "begin", "end"]

P = ParamSpec("P")

_Write = Callable[[Connection], object]


class Intent(NamedTuple):
    """A resource that is about to be created; the fields are those of a journal entry."""

    provider: str
    kind: ResourceKind
    plan: Mapping[str, str]


@dataclass(slots=True)
class StepAttempt:
    """An attempt of a step, from its begin on.

    Attributes:
        operation: The operation as it was at the begin.
        name: The step's name.
        is_first: Whether it is the first one of the step.
        entries: The open journal entries of the instance at the begin, newest first.
        steps: The operation's steps at the begin, this one included.
        intent: The journal entry that was recorded with the begin; None if none was, or it was taken.
    """

    operation: Operation
    name: str
    is_first: bool
    entries: list[Entry]
    steps: list[OperationStep]
    intent: Entry | None = None
    _writes: list[_Write] = field(default_factory=list[_Write])

    def find_entry(self, provider: str, kind: ResourceKind) -> Entry | None:
        """Return the operation's own open entry for this kind of resource, as it was at the begin."""
        return next((entry for entry in self.find_entries(provider, kind) if self.owns(entry)), None)

    def find_entries(self, provider: str, kind: ResourceKind) -> list[Entry]:
        """Return the instance's open entries for this kind of resource, whichever operation created it."""
        return [entry for entry in self.entries if (entry.provider, entry.kind) == (provider, kind)]

    def owns(self, entry: Entry) -> bool:
        """Whether the entry belongs to the attempt's operation."""
        return entry.operation_id == self.operation.id

    def take_intent(self) -> Entry | None:
        """Return the intent, once: a second call of the provider in the same attempt needs an intent of its own."""
        intent, self.intent = self.intent, None
        return intent

    def write_at_end(
        self, write: Callable[Concatenate[Connection, P], object], /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Let the transaction that ends the attempt call `write(connection, …)`, in the order of these calls."""
        self._writes.append(lambda connection: write(connection, *args, **kwargs))

    def execute_writes(self, connection: Connection) -> None:
        """Execute the writes of `write_at_end`."""
        for write in self._writes:
            write(connection)


PlanIntent = Callable[[StepAttempt], Intent | None]
"""Returns what the attempt is about to create; None if nothing, or if it is not known yet. It calls no provider."""


def begin(connection: Connection, operation_id: str, name: str, plan_intent: PlanIntent) -> StepAttempt | None:
    """Begin the step's next attempt, and note the progress of the operation.

    Args:
        connection: The connection of the transaction.
        operation_id: The operation.
        name: The step.
        plan_intent: Its intent is recorded in this transaction.

    Returns:
        The attempt, or None if there is no such operation.

    Raises:
        Conflict: An intent was to be recorded, but the operation has ended or is being compensated.
    """
    # A statement sees the rows as they were before it: `is_first` is read before the step's row is inserted.
    row = connection.execute(
        "WITH operation AS (UPDATE operations SET updated_at = clock_timestamp() WHERE id = %(id)s"
        f" RETURNING {operations.COLUMNS}), step AS (INSERT INTO operation_steps (operation_id, name)"
        "  SELECT id, %(name)s FROM operation ON CONFLICT (operation_id, name)"
        "  DO UPDATE SET status = 'running', error = NULL, ended_at = NULL)"
        " SELECT operation.*, NOT EXISTS (SELECT FROM operation_steps WHERE operation_id = %(id)s AND name = %(name)s)"
        " AS is_first FROM operation",
        {"id": operation_id, "name": name},
    ).fetchone()
    if row is None:
        return None
    is_first = bool(row.pop("is_first"))
    operation = Operation(**row)
    entries = journal.list_open_entries(connection, operation.instance_id)
    attempt = StepAttempt(operation, name, is_first, entries, operations.list_steps(connection, operation_id))
    if intent := plan_intent(attempt):
        attempt.intent = journal.record_intent(connection, operation_id, *intent)
    return attempt


def end(connection: Connection, attempt: StepAttempt, status: StepStatus, warning: str | None = None) -> None:
    """End the attempt with this status, and execute the writes of `write_at_end`.

    Raises:
        Conflict: By a write: another attempt or the compensation has taken over.
    """
    operations.end_step(connection, attempt.operation.id, attempt.name, status, warning)
    attempt.execute_writes(connection)
