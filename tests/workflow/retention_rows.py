"""Rows of a given age for the tests of the retention, and its runs."""

import uuid

from local.stack.stack import Stack
from tests.harness.database import Database
from tests.harness.function_logs import ScheduledRun, run_schedule
from tests.harness.ids import unique_id

FUNCTION = "RetentionFunction"
DAY = 86400.0
USER = "user-of-retention"


def run_retention(stack: Stack) -> ScheduledRun:
    run = run_schedule(stack, FUNCTION)
    assert run.result.error is None, run.result.payload
    return run


def insert_prompt(db: Database, days: float, status: str = "completed", conversation_id: str | None = None) -> str:
    """Insert a prompt with an event, an item and a call, last changed `days` ago; returns its id."""
    prompt_id = f"prompt-{uuid.uuid4().hex}"
    db.execute(
        "INSERT INTO prompts (id, user_id, conversation_id, input, status, created_at, updated_at)"
        " VALUES (%s, %s, %s, 'x', %s, now() - make_interval(secs => %s),"
        " now() - make_interval(secs => %s))",
        (prompt_id, USER, conversation_id, status, days * DAY, days * DAY),
    )
    db.execute(
        "INSERT INTO prompt_events (prompt_id, seq, event, data) VALUES (%s, 1, 'prompt.created', '{}')", (prompt_id,)
    )
    db.execute("INSERT INTO prompt_items (prompt_id, seq, turn, item) VALUES (%s, 1, 0, '{}')", (prompt_id,))
    db.execute("INSERT INTO prompt_calls (prompt_id, turn, position, asked) VALUES (%s, 1, 0, '{}')", (prompt_id,))
    return prompt_id


def insert_conversation(db: Database, days: float) -> str:
    conversation_id = f"conv-{uuid.uuid4().hex}"
    db.execute(
        "INSERT INTO conversations (id, user_id, updated_at) VALUES (%s, %s, now() - make_interval(secs => %s))",
        (conversation_id, USER, days * DAY),
    )
    return conversation_id


def insert_operation(
    db: Database, days: float, instance_id: str | None = None, kind: str = "create", status: str = "succeeded",
    entry: str | None = "deleted", closed_by: str | None = None,
) -> str:  # fmt: skip
    """Insert an operation with a step and a journal entry in state `entry`, last changed `days` ago; returns its id."""
    operation_id = unique_id("op-retention-")
    instance_id = instance_id or unique_id("past-")
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, status, request, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, '{}', now() - make_interval(secs => %s), now() - make_interval(secs => %s))",
        (operation_id, instance_id, kind, status, days * DAY, days * DAY),
    )
    db.execute("INSERT INTO operation_steps (operation_id, name) VALUES (%s, 'service')", (operation_id,))
    if entry is not None:
        db.execute(
            "INSERT INTO operation_resources (operation_id, instance_id, provider, kind, plan, state, closed_by)"
            " VALUES (%s, %s, 'railway', 'service', '{}', %s, %s)",
            (operation_id, instance_id, entry, closed_by),
        )
    return operation_id


def count(db: Database, table: str, column: str, value: str) -> int:
    row = db.execute(f"SELECT count(*) AS n FROM {table} WHERE {column} = %s", (value,)).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row["n"]


def has_operation(db: Database, operation_id: str) -> bool:
    exists = count(db, "operations", "id", operation_id) == 1
    assert count(db, "operation_steps", "operation_id", operation_id) == int(exists)
    return exists


def has_prompt(db: Database, prompt_id: str) -> bool:
    rows = {count(db, f"prompt_{table}", "prompt_id", prompt_id) for table in ("events", "items", "calls")}
    exists = count(db, "prompts", "id", prompt_id) == 1
    assert rows == {int(exists)}
    return exists


def insert_history_point(db: Database, days: float) -> None:
    db.execute(
        "INSERT INTO fleet_history (at, counts) VALUES (clock_timestamp() - make_interval(secs => %s), '{}')",
        (days * DAY,),
    )


def insert_orphan_decision(db: Database, decision: str, days: float) -> str:
    """Insert what was decided `days` ago about a resource of that name; returns the resource's id."""
    resource_id = unique_id("past-")
    db.execute(
        "INSERT INTO orphan_decisions (provider, kind, resource_id, name, first_seen, last_seen, sightings, decision,"
        " reason, decided_at) VALUES ('openrouter', 'tool', %s, 'n', now(), now(), 1, %s, '',"
        " now() - make_interval(secs => %s))",
        (resource_id, decision, days * DAY),
    )
    return resource_id
