"""No table grows for ever: each has a bound, and what its bound deletes goes."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database, connect, reset_fleet_tables
from tests.harness.function_logs import run_schedule
from tests.harness.ids import unique_id
from tests.harness.instances import create_request, new_instance_id
from tests.harness.webhook_receiver import run_receiver
from tests.harness.webhooks import DELIVERY_FUNCTION, register
from tests.prompts.prompt_stream import run_prompt, text_turn
from tests.workflow.retention_rows import count, insert_history_point, insert_orphan_decision, run_retention

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
    "signing_keys": "one row for each purpose",
    "stream_leases": "one row for each open stream",
    "token_usage": "deleted by age",
    "webhook_deliveries": "deleted by age",
    "webhook_requests": "deleted 24 hours later, by the next ones",
    "webhooks": "so many of an owner",
}
"""Why each table does not grow for ever."""


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
    run_schedule(stack, DELIVERY_FUNCTION)
    with run_receiver() as receiver:
        webhook = register(agent, receiver.url, "prompt.completed")
        before = count_rows(db)
        make_rows(db, api, agent, simulator, webhook)
        run_schedule(stack, DELIVERY_FUNCTION)
    grown = {name for name, rows in count_rows(db).items() if rows > before[name]}
    ended = {name for name, bound in BOUNDS.items() if bound.startswith("deleted")}
    assert grown == ended - {"prompt_calls", "prompt_call_events"}
    let_a_year_pass(stack)
    # Each new key deletes those that have expired, and is one itself.
    api.post("/redeploy/nobody", headers={"Idempotency-Key": unique_id("key-")})
    agent.patch(f"/webhooks/{webhook['id']}", json={}, headers={"Idempotency-Key": unique_id("key-")})
    while not run_retention(stack).counts["complete"]:
        pass
    left = {name: rows - before[name] for name, rows in count_rows(db).items() if rows > before[name]}
    assert left.items() <= {"idempotency_keys": 1, "webhook_requests": 1}.items()


def make_rows(
    db: Database, api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient, webhook: dict[str, Any]
) -> None:
    for _ in range(2):
        body = create_request(new_instance_id(), ["openrouter"])
        headers = {"Idempotency-Key": unique_id("key-")}
        assert api.post("/create-instance", json=body, headers=headers).status_code == 200
        assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
        conversation = agent.post("/tools/conversation.create/invoke", json={}).json()["result"]["id"]
        run_prompt(agent, simulator, text_turn("Hello."), conversationId=conversation)
        run_prompt(agent, simulator, {"text": "Hello.", "usage": {"input_tokens": 1, "output_tokens": 1}})
        agent.patch(f"/webhooks/{webhook['id']}", json={}, headers={"Idempotency-Key": unique_id("key-")})
        insert_history_point(db, days=0)
        insert_orphan_decision(db, "deleted", days=0)


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
