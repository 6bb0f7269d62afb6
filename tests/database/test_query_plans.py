"""Hot statements read an index: none scans a table that grows, with a million events and realistic statistics."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row, tuple_row

from local.stack.stack import Stack
from pointsman.db import (
    audit_log,
    conversations,
    fleet,
    fleet_listing,
    fleet_usage,
    idempotency_keys,
    instances,
    journal,
    operation_pages,
    operations,
    orphan_sightings,
    prompt_events,
    prompt_history,
    prompt_runs,
    quotas,
    retention,
    token_usage,
    tool_calls,
    user_prompts,
    webhook_deliveries,
    webhook_outbox,
    webhook_requests,
    webhooks,
)
from pointsman.db.audit_log import AuditFilter
from pointsman.db.connection import Connection
from pointsman.db.fleet import InstanceFilter
from pointsman.db.migrations.runner import upgrade_schema
from pointsman.db.operation_pages import OperationFilter
from pointsman.db.operations import Operation
from pointsman.db.user_prompts import PromptFilter
from pointsman.lifecycle.fleet_snapshot import LISTING_LAG
from pointsman.list_cursor import ListCursor

pytestmark = pytest.mark.slow

EVENTS_PER_PROMPT = 50
PROMPTS = 20_000
INSTANCES = 10_000
PAST_INSTANCES = 20_000
PERIOD = 90 * 86400.0
PROMPT, USER, CONVERSATION = f"prompt-{5:032x}", "user-5", f"conv-{5:032x}"
INSTANCE, OPERATION = "i-5", "op-5"
AUDIT_END = datetime.now(UTC) - timedelta(days=89)
AUDIT_START = AUDIT_END - timedelta(days=1)
CURSOR = ListCursor(datetime(2026, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000")

LARGE_TABLES = (
    "prompts", "prompt_events", "prompt_items", "prompt_calls", "conversations", "operations", "operation_steps",
    "operation_resources", "idempotency_keys", "instance_infra", "instance_services", "token_usage", "audit_log",
    "webhooks", "webhook_deliveries", "webhook_requests",
)  # fmt: skip

FILL: LiteralString = """
    -- Every tenth prompt is in a conversation, a handful are active, and a part is past its retention.
    INSERT INTO conversations (id, user_id, updated_at)
        SELECT 'conv-' || lpad(to_hex(n), 32, '0'), 'user-' || mod(n, 500), now() - make_interval(mins => n * 9)
        FROM generate_series(1, %(prompts)s) AS n;
    INSERT INTO prompts (id, user_id, conversation_id, key, input, status, created_at, updated_at, deadline)
        SELECT 'prompt-' || lpad(to_hex(n), 32, '0'), 'user-' || mod(n, 500),
            CASE WHEN mod(n, 10) = 5 THEN 'conv-' || lpad(to_hex(n / 10 + 1), 32, '0') END, 'key-' || n, 'x',
            CASE WHEN n <= 20 AND n <> 5 THEN 'running' ELSE 'completed' END,
            now() - make_interval(mins => n * 10), now() - make_interval(mins => n * 10), now()
        FROM generate_series(1, %(prompts)s) AS n;
    INSERT INTO prompt_events (prompt_id, seq, event, data)
        SELECT id, n, 'prompt.output', '{"type": "text"}' FROM prompts, generate_series(1, %(events)s) AS n;
    INSERT INTO prompt_items (prompt_id, seq, turn, item)
        SELECT id, n, n, '{}' FROM prompts, generate_series(1, 4) AS n;
    INSERT INTO prompt_calls (prompt_id, turn, position, asked, state)
        SELECT id, n, 0, '{}', 'done' FROM prompts, generate_series(1, 2) AS n;
    INSERT INTO token_usage (day, user_id, tokens)
        SELECT (now() AT TIME ZONE 'UTC')::date - day, 'user-' || n, 1000
        FROM generate_series(1, 500) AS n, generate_series(0, 99) AS day;

    INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, created_at)
        SELECT 'i-' || n, 's-' || n, 'env', now() - make_interval(mins => n)
        FROM generate_series(1, %(instances)s) AS n;
    INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)
        SELECT 'i-' || n, tool, tool || n, 'K'
        FROM generate_series(1, %(instances)s) AS n, unnest('{openrouter,agentmail,telnyx}'::text[]) AS tool;
    -- Living instances have a create, past ones a create and a destroy.
    INSERT INTO operations (id, instance_id, kind, status, request, result, created_at, updated_at)
        SELECT 'op-' || n, 'i-' || n, 'create', 'succeeded', json_build_object('name', 'convos-agent-' || n),
            json_build_object('serviceId', 's-' || n), now() - make_interval(mins => n * 10),
            now() - make_interval(mins => n * 10)
        FROM generate_series(1, %(instances)s + %(past)s) AS n;
    INSERT INTO operations (id, instance_id, kind, status, request, created_at, updated_at)
        SELECT 'op-destroy-' || n, 'i-' || n, 'destroy', CASE WHEN mod(n, 5000) = 0 THEN 'leaked' ELSE 'succeeded' END,
            '{}', now() - make_interval(mins => n * 10 - 5), now() - make_interval(mins => n * 10 - 5)
        FROM generate_series(%(instances)s + 1, %(instances)s + %(past)s) AS n;
    INSERT INTO operation_steps (operation_id, name)
        SELECT id, step FROM operations, unnest('{service,volume,domain,deploy,record}'::text[]) AS step;
    INSERT INTO operation_resources
        (operation_id, instance_id, provider, kind, plan, state, resource_id, attempted_at, closed_by)
        SELECT 'op-' || n, 'i-' || n, provider, kind, '{"name": "x"}',
            CASE WHEN n <= %(instances)s THEN 'created' ELSE 'deleted' END, left(kind, 1) || '-' || n,
            now() - make_interval(mins => n * 10), CASE WHEN n > %(instances)s THEN 'op-destroy-' || n END
        FROM generate_series(1, %(instances)s + %(past)s) AS n, (VALUES ('railway', 'service'),
            ('railway', 'volume'), ('railway', 'domain'), ('openrouter', 'tool')) AS resource (provider, kind);
    INSERT INTO idempotency_keys (key, salt, fingerprint, owner, operation_id)
        SELECT 'key-' || n, '', '', 'o', 'op-' || n FROM generate_series(1, 20000) AS n;
    -- One user does nearly everything, another one little and long ago.
    INSERT INTO audit_log (at, actor_kind, actor, action, target_kind, target, outcome)
        SELECT now() - make_interval(mins => n * 10), 'key',
            CASE WHEN mod(n, 50) = 0 THEN 'u-' || n ELSE 'services' END,
            CASE WHEN mod(n, 997) = 0 THEN 'operation.abandon' ELSE 'instance.create' END, 'instance', 'i-' || n,
            'succeeded' FROM generate_series(1, 60000) AS n;
    INSERT INTO fleet_listings (environment_id, project_id, environment_name, listed_at)
        VALUES ('env', 'p', '', now());
    INSERT INTO listed_services (environment_id, service_id, name)
        SELECT 'env', 's-' || n, 'convos-agent-' || n FROM generate_series(1, %(instances)s) AS n;
    -- Most deliveries have ended; of those that wait, few are due.
    INSERT INTO webhooks (id, owner, url, events)
        SELECT 'wh-' || n, 'user:user-' || n / 2, 'https://example.org/', '{prompt.failed}'
        FROM generate_series(1, 10000) AS n;
    INSERT INTO webhook_deliveries (id, webhook_id, type, body, status, next_attempt_at, created_at, updated_at)
        SELECT 'msg-' || n, 'wh-' || 1 + mod(n, 9999), 'prompt.failed', '{}',
            CASE WHEN mod(n, 20) = 0 THEN 'pending' ELSE 'delivered' END,
            now() + make_interval(mins => CASE WHEN mod(n, 2000) = 0 THEN -1 ELSE n END),
            now() - make_interval(mins => n), now() - make_interval(mins => n)
        FROM generate_series(1, 60000) AS n;
    INSERT INTO webhook_requests (owner, key, fingerprint, result, created_at)
        SELECT 'user:user-' || mod(n, 500), 'key-' || n, '', '{}', now() - make_interval(secs => n)
        FROM generate_series(1, 20000) AS n;
    ANALYZE;
"""


Statement = Callable[[Connection], object]


def _operation(db: Connection) -> Operation:
    operation = operations.get(db, OPERATION)
    assert operation is not None
    return operation


def _read_listing(db: Connection) -> object:
    listing = fleet_listing.find(db, "p", "env", "")
    assert listing is not None
    return fleet_listing.read(db, listing, LISTING_LAG)


HOT: dict[str, Statement] = {
    "events after a number": lambda db: prompt_events.list_after(db, PROMPT, USER, 40),
    "append an event": lambda db: prompt_events.append(db, PROMPT, "prompt.output", {}),
    "outputs": lambda db: prompt_events.list_outputs(db, PROMPT),
    "a text delta": lambda db: prompt_events.notify_text_delta(db, PROMPT, "o", "x"),
    "prompt by id": lambda db: prompt_runs.get(db, PROMPT),
    "prompt of its user": lambda db: user_prompts.get(db, PROMPT, USER),
    "prompt by key": lambda db: prompt_runs.find_by_idempotency_key(db, USER, "key-5"),
    "insert a prompt": lambda db: prompt_runs.insert(
        db, f"prompt-{0:032x}", USER, "x", model="normal", tokens=False, conversation_id=CONVERSATION,
        idempotency_key=None, fingerprint="", max_seconds=1, permissions="",
    ),
    "history of a prompt": lambda db: prompt_history.list_for_prompt(db, PROMPT),
    "history of a conversation": lambda db: prompt_history.list_newest(db, CONVERSATION, USER, PROMPT, 9_000),
    "ownership of a prompt": lambda db: prompt_runs.is_owned_by(db, PROMPT, "o"),
    "next call": lambda db: tool_calls.find_next_open(db, PROMPT),
    "stalled prompts": lambda db: prompt_runs.list_stalled(db, 30),
    "one stalled prompt": lambda db: prompt_runs.list_stalled(db, 30, PROMPT),
    "pending approvals": tool_calls.measure_pending_approvals,
    "quotas of a user": lambda db: quotas.measure_user(db, USER, 200, with_all_tokens=True),
    "quotas of all users": lambda db: quotas.count_all_prompts(db, 4000),
    "tokens of a turn": lambda db: token_usage.add(db, USER, 1000),
    "conversations of a user": lambda db: conversations.list_page(db, USER, 20, 0),
    "running operation": lambda db: operations.find_running(db, INSTANCE),
    "latest operation": lambda db: operations.find_latest(db, INSTANCE, ("create", "destroy")),
    "unsettled operations": operations.list_unsettled,
    "name conflict": lambda db: operations.find_name_conflict(db, "convos-agent-7", INSTANCE),
    "steps": lambda db: operations.list_steps(db, OPERATION),
    "finish an operation": lambda db: operations.finish(db, OPERATION, "failed", final_step="close"),
    "resources of an operation": lambda db: journal.list_of_operation(db, OPERATION),
    "open entries": lambda db: journal.list_open_entries(db, INSTANCE),
    "adopt a resource": lambda db: journal.adopt_existing(
        db, OPERATION, INSTANCE, "telnyx", "tool", "+1555", ignore_closed=True
    ),
    "entries of a tool's resource": lambda db: journal.find_instances_using(db, "openrouter", "t-5"),
    "volumes in the journal": lambda db: orphan_sightings.find_journaled_volumes(db, ["v-5", "v-9999"]),
    "instance": lambda db: instances.get(db, INSTANCE),
    "instance of a service": lambda db: instances.has_service(db, "s-5"),
    "tools of an instance": lambda db: instances.list_tools(db, INSTANCE),
    "idempotency key": lambda db: idempotency_keys.get(db, "key-5"),
    "claim a key": lambda db: idempotency_keys.claim(db, "key-new", "o", b"", b""),
    "fleet listing": _read_listing,
    "retention of conversations": lambda db: retention.delete_idle_conversations(db, PERIOD),
    "retention of prompts": lambda db: retention.delete_ended_prompts(db, PERIOD),
    "retention of token usage": lambda db: retention.delete_token_usage(db, PERIOD),
    "audit log": lambda db: audit_log.list_newest(db, AuditFilter(), None, 50),
    "audit log, next page": lambda db: audit_log.list_newest(db, AuditFilter(), CURSOR, 50),
    "audit log of an actor": lambda db: audit_log.list_newest(db, AuditFilter(actor="u-50000"), None, 50),
    "audit log of an action": lambda db: audit_log.list_newest(db, AuditFilter(action="orphan.delete"), None, 50),
    "audit log of a target": lambda db: audit_log.list_newest(db, AuditFilter(target="i-59999"), CURSOR, 50),
    "audit log of a time": lambda db: audit_log.list_newest(db, AuditFilter(start=AUDIT_START, end=AUDIT_END), None, 9),
    "instances": lambda db: fleet.list_page(db, InstanceFilter(), None, 50),
    "instances, next page": lambda db: fleet.list_page(db, InstanceFilter(), CURSOR, 50),
    "instances of a status": lambda db: fleet.list_page(db, InstanceFilter(status="FAILED"), CURSOR, 50),
    "instances without a status": lambda db: fleet.list_page(db, InstanceFilter(status=""), None, 50),
    "instances with a tool": lambda db: fleet.list_page(db, InstanceFilter(tool_id="telnyx"), None, 50),
    "instances with a rare tool": lambda db: fleet.list_page(db, InstanceFilter(tool_id="bankr"), None, 50),
    "instances by prefix": lambda db: fleet.list_page(db, InstanceFilter(id_prefix="i-77_"), None, 50),
    "an instance": lambda db: fleet.get_instance(db, INSTANCE),
    "operations": lambda db: operation_pages.list_newest(db, OperationFilter(), None, 50),
    "operations, next page": lambda db: operation_pages.list_newest(db, OperationFilter(), CURSOR, 50),
    "leaked operations": lambda db: operation_pages.list_newest(db, OperationFilter(status="leaked"), None, 50),
    "operations of a kind": lambda db: operation_pages.list_newest(db, OperationFilter(kind="provision"), None, 50),
    "operations of an instance": lambda db: operation_pages.list_newest(
        db, OperationFilter(instance_id=INSTANCE), None, 50
    ),
    "prompts of a user": lambda db: user_prompts.list_newest(db, USER, PromptFilter(), None, 50),
    "prompts of a user, next page": lambda db: user_prompts.list_newest(db, USER, PromptFilter(), CURSOR, 50),
    "waiting prompts": lambda db: user_prompts.list_newest(db, USER, PromptFilter("waiting"), None, 50),
    "listed prompts of a conversation": lambda db: user_prompts.list_newest(
        db, USER, PromptFilter(conversation_id=CONVERSATION), None, 50
    ),
    "retention of audit entries": lambda db: audit_log.delete_past(db, 365 * 86400.0),
    "recent destroys": lambda db: fleet_usage.count_recent_destroys(db, "key", "services", 600),
    "a recent destroy": lambda db: fleet_usage.has_destroyed(db, "key", "services", 600, INSTANCE),
    "an event of a user": lambda db: webhook_outbox.emit_event(db, USER, "prompt.failed", {}),
    "an event of the fleet": lambda db: webhook_outbox.emit_fleet_event(db, "instance.destroyed", {}),
    "due deliveries": lambda db: webhook_deliveries.claim_due(
        db, "a", 16, per_webhook=2, per_owner=3, except_webhooks=["wh-1"], except_owners=[]
    ),
    "how many deliveries are due": webhook_deliveries.count_waiting,
    "webhooks of a user": lambda db: webhooks.list_newest(db, f"user:{USER}", None, 50),
    "number of webhooks": lambda db: webhooks.count(db, f"user:{USER}"),
    "deliveries of a webhook": lambda db: webhook_deliveries.list_newest(db, "wh-5", None, CURSOR, 50),
    "tests of a webhook": lambda db: webhook_deliveries.count_recent_tests(db, "wh-5"),
    "end of a webhook's deliveries": lambda db: webhook_deliveries.fail_pending(db, "wh-5", ""),
    "a webhook's deletion": lambda db: webhooks.delete(db, "wh-5", "user:user-2"),
    "retention of deliveries": webhook_deliveries.delete_ended,
    "key of a request about webhooks": lambda db: webhook_requests.claim_key(db, f"user:{USER}", "new", ""),
    "retention of operations": lambda db: retention.delete_past_operations(db, PERIOD, None),
}  # fmt: skip


class _PlanRecorder(psycopg.Cursor[Any]):
    """Explains each statement that is executed on its connection, and keeps the plans."""

    plans: list[tuple[str, list[str]]] = []  # noqa: RUF012 - one test at a time

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> "_PlanRecorder":
        if str(query).split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            cursor = psycopg.Cursor(self.connection, row_factory=tuple_row)
            lines = cursor.execute(f"EXPLAIN {query}".encode(), params).fetchall()
            self.plans.append((str(query), [line for (line,) in lines]))
        super().execute(query, params, **kwargs)
        return self


@pytest.fixture(scope="module")
def filled_database(stack: Stack) -> Iterator[str]:
    """A database of its own on the stack's server, with many rows in every table that grows."""
    base, _, _ = stack.database_url.rpartition("/")
    with psycopg.connect(stack.database_url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS query_plans")
        server.execute("CREATE DATABASE query_plans")
    url = f"{base}/query_plans"
    with upgrade_schema(url):
        pass
    values = {"prompts": PROMPTS, "events": EVENTS_PER_PROMPT, "instances": INSTANCES, "past": PAST_INSTANCES}
    with psycopg.connect(url, autocommit=True) as db:
        # Parameters are bound by the client: the server binds them in single statements only.
        psycopg.ClientCursor(db).execute(FILL, values)
    yield url
    with psycopg.connect(stack.database_url, autocommit=True) as server:
        server.execute("DROP DATABASE query_plans WITH (FORCE)")


def explain(url: str, statement: Statement) -> list[tuple[str, list[str]]]:
    """Run a statement of the product, which is rolled back; returns the plans of all its queries."""
    _PlanRecorder.plans = []
    with Connection.connect(url, row_factory=dict_row, cursor_factory=_PlanRecorder) as db:
        statement(db)
        db.rollback()
    return _PlanRecorder.plans


def find_scans(plans: list[tuple[str, list[str]]]) -> list[str]:
    """The lines of the plans that read the whole of a large table."""
    return [line.strip() for _, plan in plans for line in plan for table in LARGE_TABLES
            if f"Seq Scan on {table} " in f"{line} "]  # fmt: skip


@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_scans_no_large_table(filled_database: str, name: str) -> None:
    plans = explain(filled_database, HOT[name])
    assert plans
    assert find_scans(plans) == [], "\n".join(line for _, plan in plans for line in plan)


@pytest.mark.parametrize("name", ["quotas of a user", "quotas of all users"])
def test_quotas_read_the_prompts_of_the_hour_only(filled_database: str, name: str) -> None:
    lines = [line for _, plan in explain(filled_database, HOT[name]) for line in plan]
    assert [line for line in lines if "Index Cond" in line and "created_at >" in line], "\n".join(lines)


def test_a_scan_is_found(filled_database: str) -> None:
    plans = explain(filled_database, lambda db: db.execute("SELECT FROM prompt_events WHERE data::text = %s", ("x",)))
    assert find_scans(plans) != []
