"""The retention: what it deletes after the default of 90 days, and what it never deletes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.db import retention
from pointsman.lifecycle.retention import HISTORY_DAYS, delete_past_rows
from tests.harness.background import run_in_background
from tests.harness.database import Database, connect
from tests.harness.ids import unique_id
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.status_poller import insert_instances
from tests.workflow.retention_rows import (
    DAY,
    USER,
    count,
    has_operation,
    has_prompt,
    insert_conversation,
    insert_history_point,
    insert_operation,
    insert_orphan_decision,
    insert_prompt,
    run_retention,
)


@pytest.fixture(autouse=True)
def no_rows_are_left(db: Database) -> Iterator[None]:
    yield
    db.execute("DELETE FROM prompts WHERE user_id = %s", (USER,))
    db.execute("DELETE FROM conversations WHERE user_id = %s", (USER,))
    db.execute("DELETE FROM token_usage WHERE user_id = %s", (USER,))
    db.execute("DELETE FROM operation_resources WHERE operation_id LIKE 'op-retention-%'")
    db.execute("DELETE FROM operations WHERE id LIKE 'op-retention-%'")


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
        "webhook_deliveries": 0,
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
