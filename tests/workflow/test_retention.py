"""The retention: what it deletes after the default of 90 days, and what it never deletes."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.db import retention
from pointsman.lifecycle.retention import HISTORY_DAYS, delete_past_rows
from tests.harness.background import run_in_background
from tests.harness.database import Database, connect, reset_fleet_tables
from tests.harness.function_logs import ScheduledRun, run_schedule
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.status_poller import insert_instances
from tests.prompts.prompt_stream import run_prompt, text_turn

FUNCTION = "RetentionFunction"
DAY = 86400.0
USER = "user-of-retention"


@pytest.fixture(autouse=True)
def no_rows_are_left(db: Database) -> Iterator[None]:
    yield
    db.execute("DELETE FROM prompts WHERE user_id = %s", (USER,))
    db.execute("DELETE FROM conversations WHERE user_id = %s", (USER,))
    db.execute("DELETE FROM token_usage WHERE user_id = %s", (USER,))
    db.execute("DELETE FROM operation_resources WHERE operation_id LIKE 'op-retention-%'")
    db.execute("DELETE FROM operations WHERE id LIKE 'op-retention-%'")


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


def test_ended_prompts_go_with_all_their_rows_and_are_unknown_then(
    stack: Stack, db: Database, agent: httpx.Client
) -> None:
    old = [insert_prompt(db, 91, status) for status in ("completed", "failed", "cancelled")]
    young = insert_prompt(db, 89)
    active = [insert_prompt(db, 400, status) for status in ("running", "waiting")]
    run = run_retention(stack)
    assert [has_prompt(db, prompt) for prompt in old] == [False] * 3
    assert [has_prompt(db, prompt) for prompt in (young, *active)] == [True] * 3
    assert run.counts == {
        "conversations": 0, "prompts": 3, "usage": 0, "operations": 0, "audit_entries": 0, "orphans": 0, "history": 0,
        "complete": True,
    }  # fmt: skip
    assert [run.metric_value(f"{what}Deleted") for what in ("Prompts", "Conversations", "Operations")] == [3, 0, 0]
    assert agent.get(f"/prompts/{young}", headers={"X-User-Id": USER}).status_code == 200
    deleted, unknown = (
        agent.get(f"/prompts/{one}", headers={"X-User-Id": USER}) for one in (old[0], f"prompt-{'0' * 32}")
    )
    assert (deleted.status_code, deleted.json()["error"]["code"]) == (404, "PROMPT_NOT_FOUND")
    assert unknown.json()["error"]["code"] == deleted.json()["error"]["code"]


def test_a_conversation_in_use_loses_its_old_prompts_and_an_unused_one_goes(stack: Stack, db: Database) -> None:
    used, unused, waiting = (insert_conversation(db, days) for days in (1, 91, 91))
    history = [insert_prompt(db, days, conversation_id=used) for days in (500, 1)]
    past = [insert_prompt(db, days, conversation_id=unused) for days in (500, 91)]
    kept = [insert_prompt(db, 91, conversation_id=waiting), insert_prompt(db, 91, "waiting", waiting)]
    run = run_retention(stack)
    assert (run.counts["conversations"], run.counts["prompts"]) == (1, 4)
    assert [has_prompt(db, prompt) for prompt in history] == [False, True]
    assert [has_prompt(db, prompt) for prompt in kept] == [False, True]
    assert [has_prompt(db, prompt) for prompt in past] == [False, False]
    assert [count(db, "conversations", "id", one) for one in (used, unused, waiting)] == [1, 0, 1]


def test_tokens_are_kept_as_long_as_prompts(stack: Stack, db: Database) -> None:
    insert = (
        "INSERT INTO token_usage (day, user_id, tokens)"
        " SELECT (now() AT TIME ZONE 'UTC')::date - day, %s, 1 FROM unnest(%s::integer[]) AS day"
    )
    db.execute(insert, (USER, [0, 1, 89, 93, 400]))
    assert run_retention(stack).counts["usage"] == 2
    assert count(db, "token_usage", "user_id", USER) == 3


def test_operations_of_past_instances_go_with_steps_and_entries(stack: Stack, db: Database, api: httpx.Client) -> None:
    instance_id = unique_id("past-")
    destroy = insert_operation(db, 91, instance_id, "destroy", entry=None)
    create = insert_operation(db, 92, instance_id, "create", closed_by=destroy)
    failed = insert_operation(db, 91, status="failed", entry="refused")
    young = insert_operation(db, 89)
    run = run_retention(stack)
    assert [has_operation(db, operation) for operation in (destroy, create, failed, young)] == [False] * 3 + [True]
    assert count(db, "operation_resources", "instance_id", instance_id) == 0
    assert run.counts["operations"] == 3
    assert api.get(f"/operations/{create}").status_code == 404


@pytest.mark.parametrize("status", ["running", "leaked"])
def test_an_unsettled_operation_and_those_before_it_stay(stack: Stack, db: Database, status: str) -> None:
    instance_id = unique_id("past-")
    create = insert_operation(db, 92, instance_id)
    unsettled = insert_operation(db, 91, instance_id, "destroy", status)
    assert run_retention(stack).counts["operations"] == 0
    assert has_operation(db, create)
    assert has_operation(db, unsettled)


@pytest.mark.parametrize("state", ["intended", "created", "abandoned"])
def test_an_open_or_abandoned_entry_stays_with_its_operation(stack: Stack, db: Database, state: str) -> None:
    operation = insert_operation(db, 400, status="failed", entry=state)
    assert run_retention(stack).counts["operations"] == 0
    assert has_operation(db, operation)
    assert count(db, "operation_resources", "operation_id", operation) == 1


def test_operations_with_a_recent_successor_an_instance_or_an_idempotency_key_stay(stack: Stack, db: Database) -> None:
    instance_id = unique_id("past-")
    before, recent = insert_operation(db, 91, instance_id), insert_operation(db, 1, instance_id, "destroy")
    (existing,) = insert_instances(db, [unique_id("service-")], prefix=unique_id("alive"))
    of_existing = insert_operation(db, 91, existing, "provision")
    with_key = insert_operation(db, 91)
    db.execute(
        "INSERT INTO idempotency_keys (key, salt, fingerprint, owner, operation_id) VALUES (%s, '', '', 'o', %s)",
        (with_key, with_key),
    )
    kept = (before, recent, of_existing, with_key)
    assert run_retention(stack).counts["operations"] == 0
    assert [has_operation(db, operation) for operation in kept] == [True] * 4
    assert count(db, "idempotency_keys", "key", with_key) == 1
    db.execute("DELETE FROM instance_infra WHERE instance_id = %s", (existing,))


def test_the_same_create_gets_the_same_answer_after_the_period_and_its_name_stays_taken(
    stack: Stack, db: Database, api: httpx.Client, simulator: SimulatorClient
) -> None:
    body = create_request(new_instance_id(), [])
    first = create_instance(api, body)
    db.execute(
        "UPDATE operations SET updated_at = now() - interval '400 days', created_at = now() - interval '400 days'"
        " WHERE instance_id = %s",
        (body["instanceId"],),
    )
    assert run_retention(stack).counts["operations"] == 0
    again = create_instance(api, body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert create_instance(api, {**body, "instanceId": new_instance_id()}).status_code == 409
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200


def test_a_batch_is_bounded_and_skips_locked_rows(stack: Stack, db: Database) -> None:
    prompts = [insert_prompt(db, 100 - number / 100) for number in range(3)]
    db.execute(
        "INSERT INTO prompt_events (prompt_id, seq, event, data)"
        " SELECT %s, number, 'prompt.output', '{}' FROM generate_series(2, 6000) AS number",
        (prompts[1],),
    )
    with connect(stack.database_url, autocommit=False) as other, connect(stack.database_url) as connection:
        other.execute("SELECT FROM prompts WHERE id = %s FOR UPDATE", (prompts[0],))
        # The second alone has more rows than a batch should, so it goes alone.
        deleted = run_in_background(lambda: retention.delete_ended_prompts(connection, 90 * DAY))
        assert deleted.result() == 1
        assert [count(db, "prompts", "id", prompt) for prompt in prompts] == [1, 0, 1]
        other.rollback()
        assert retention.delete_ended_prompts(connection, 90 * DAY) == 2


def test_a_pass_reads_kept_operations_once(stack: Stack, db: Database) -> None:
    for _ in range(250):
        insert_operation(db, 95, entry="created", status="failed")
    past = insert_operation(db, 91)
    with connect(stack.database_url) as connection:
        batches, cursor = 0, None
        while True:
            batch = retention.delete_past_operations(connection, 90 * DAY, cursor)
            if batch.next is None:
                break
            batches, cursor = batches + 1, batch.next
    assert batches == 2
    assert not has_operation(db, past)


def test_zero_keeps_everything_and_a_dry_run_deletes_nothing(
    stack: Stack, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", stack.database_url)
    monkeypatch.setenv("DATABASE_SSLMODE", "prefer")
    prompt, operation = insert_prompt(db, 4000), insert_operation(db, 4000)

    def run(**event: Any) -> int:
        result = delete_past_rows(event)
        return int(str(result["prompts"])) + int(str(result["operations"]))

    assert run(dry=True) == 0
    for name in ("PROMPT_RETENTION_DAYS", "OPERATION_RETENTION_DAYS"):
        monkeypatch.setenv(name, "0")
    assert run() == 0
    assert has_prompt(db, prompt)
    assert has_operation(db, operation)
    monkeypatch.setenv("PROMPT_RETENTION_DAYS", "0.5")
    assert run() == 1
    assert not has_prompt(db, prompt)
    assert has_operation(db, operation)


BOUNDS = {
    "pointsman_schema_version": "one row",
    "audit_log": "deleted by age",
    "conversations": "deleted by age",
    "destroy_holds": "one row for each caller",
    "fleet_history": "deleted by age",
    "fleet_listings": "one row for each environment",
    "idempotency_keys": "deleted 24 hours later, by the next ones",
    "instance_infra": "one row for each instance",
    "instance_services": "a row for each tool of an instance",
    "key_spend": "one row for each key",
    "listed_services": "one row for each service",
    "maintenance": "one row",
    "operation_resources": "deleted with its operation",
    "operation_steps": "deleted with its operation",
    "operations": "deleted by age",
    "orphan_decisions": "deleted by age",
    "orphan_sightings": "one row for each resource that nobody knows",
    "prompt_call_events": "deleted with its prompt",
    "prompt_calls": "deleted with its prompt",
    "prompt_events": "deleted with its prompt",
    "prompt_items": "deleted with its prompt",
    "prompts": "deleted by age",
    "schedule_runs": "one row for each schedule",
    "stream_leases": "one row for each open stream",
    "token_usage": "deleted by age",
}
"""Why each table does not grow for ever."""


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


def test_decisions_that_ended_a_matter_are_deleted_and_others_stay(stack: Stack, db: Database) -> None:
    db.execute("DELETE FROM orphan_decisions")
    kept = {insert_orphan_decision(db, "reported", 400), insert_orphan_decision(db, "deleted", 89)}
    for decision in ("deleted", "resolved"):
        insert_orphan_decision(db, decision, 91)
    assert run_retention(stack).counts["orphans"] == 2
    assert {row["resource_id"] for row in db.execute("SELECT resource_id FROM orphan_decisions").fetchall()} == kept


@pytest.mark.limit("fleet-history")
def test_the_fleets_totals_are_kept_for_90_days(stack: Stack, db: Database) -> None:
    db.execute("DELETE FROM fleet_history")
    for days in (HISTORY_DAYS - 0.01, HISTORY_DAYS + 0.01, 400):
        insert_history_point(db, days)
    assert run_retention(stack).counts["history"] == 2
    [row] = db.execute("SELECT extract(epoch FROM now() - at)::float8 AS age FROM fleet_history").fetchall()
    assert row["age"] < HISTORY_DAYS * DAY


def count_rows(db: Database) -> dict[str, int]:
    tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {row["tablename"]: count(db, row["tablename"], "true", "true") for row in tables}


@pytest.mark.limit("stored-rows")
def test_no_table_grows_for_ever(
    stack: Stack, db: Database, api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient
) -> None:
    reset_fleet_tables(db)
    tables = {name for name in count_rows(db) if not name.startswith("test_")}
    assert tables == BOUNDS.keys(), "say what bounds the table"
    run_retention(stack)
    before = count_rows(db)
    for _ in range(2):
        body = create_request(new_instance_id(), ["openrouter"])
        headers = {"Idempotency-Key": unique_id("key-")}
        assert api.post("/create-instance", json=body, headers=headers).status_code == 200
        assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
        conversation = agent.post("/tools/conversation.create/invoke", json={}).json()["result"]["id"]
        run_prompt(agent, simulator, text_turn("Hello."), conversationId=conversation)
        run_prompt(agent, simulator, {"text": "Hello.", "usage": {"input_tokens": 1, "output_tokens": 1}})
        insert_history_point(db, days=0)
        insert_orphan_decision(db, "deleted", days=0)
    grown = {name for name, rows in count_rows(db).items() if rows > before[name]}
    ended = {name for name, bound in BOUNDS.items() if bound.startswith("deleted")}
    assert grown == ended - {"prompt_calls", "prompt_call_events"}
    let_a_year_pass(stack)
    # Each new key deletes those that have expired, and is one itself.
    api.post("/redeploy/nobody", headers={"Idempotency-Key": unique_id("key-")})
    while not run_retention(stack).counts["complete"]:
        pass
    left = {name: rows - before[name] for name, rows in count_rows(db).items() if rows > before[name]}
    assert left in ({}, {"idempotency_keys": 1})


def let_a_year_pass(stack: Stack) -> None:
    """Make all that is stored more than a year older."""
    query = (
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type IN ('date', 'timestamp with time zone')"
    )
    with connect(stack.database_url) as db, db.transaction():
        db.execute("SET LOCAL session_replication_role = 'replica'")  # The trigger of the audit log denies it.
        for row in db.execute(query).fetchall():
            table, column = row["table_name"], row["column_name"]
            db.execute(f"UPDATE {table} SET {column} = {column} - 370 * '1 day'::interval")  # type: ignore[arg-type]
