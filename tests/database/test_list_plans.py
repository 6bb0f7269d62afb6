"""Pages of lists at 100,000 rows: each is a range of an index, in the order of the list, so none reads all or sorts."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString, get_args

import psycopg
import pytest

from local.stack.stack import Stack
from pointsman.db import fleet, fleet_history, orphan_decisions, provider_steps
from pointsman.db.fleet import InstanceFilter, InstanceSort
from pointsman.db.migrations.runner import upgrade_schema
from pointsman.db.orphan_decisions import OrphanFilter
from pointsman.lifecycle.retention import HISTORY_DAYS
from pointsman.list_cursor import ListCursor
from tests.database.test_query_plans import Statement, explain

pytestmark = pytest.mark.slow

ROWS = 100_000
SORTS: tuple[InstanceSort, ...] = get_args(InstanceSort)
MIDDLE = ListCursor(datetime.now(UTC) - timedelta(minutes=ROWS / 2), "i-50000")
PROVIDERS = ("railway", "openrouter", "agentmail", "telnyx")

FILL: LiteralString = """
    -- Most are as they should be; half of them were created at the same moment, as by a backfill.
    INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, deploy_status, created_at)
        SELECT 'i-' || n, 's-' || n, 'env', CASE WHEN mod(n, 1000) = 0 THEN 'CRASHED' ELSE 'SUCCESS' END,
            now() - make_interval(mins => CASE WHEN n < %(rows)s / 2 THEN n ELSE %(rows)s END)
        FROM generate_series(1, %(rows)s) AS n;
    INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)
        SELECT 'i-' || n, 'openrouter', 'key-' || n, 'K' FROM generate_series(1, %(rows)s) AS n;
    INSERT INTO key_spend (resource_id, cap, usage, seen_at)
        SELECT 'key-' || n, 20, 1, now() FROM generate_series(1, %(rows)s) AS n;
    INSERT INTO orphan_decisions (provider, kind, resource_id, name, first_seen, last_seen, sightings, decision, reason)
        SELECT (ARRAY['railway', 'openrouter', 'agentmail', 'openrouter'])[1 + mod(n, 4)], 'tool', 'r-' || n, 'n',
            now() - make_interval(mins => n), now(), 2, CASE WHEN mod(n, 1000) = 0 THEN 'failed' ELSE 'deleted' END, ''
        FROM generate_series(1, %(rows)s) AS n;
    INSERT INTO operations (id, instance_id, kind, status, request)
        SELECT 'op-' || n, 'i-' || n, 'create', 'succeeded', '{}' FROM generate_series(1, %(rows)s / 4) AS n;
    INSERT INTO operation_steps (operation_id, name, status, started_at, ended_at)
        SELECT 'op-' || n, step, 'succeeded', now() - make_interval(mins => n * 10), now()
        FROM generate_series(1, %(rows)s / 4) AS n, unnest('{service,volume,domain,openrouter}'::text[]) AS step;
    INSERT INTO fleet_history (at, counts)
        SELECT now() - make_interval(mins => n * 5), '{"SUCCESS": 9000, "CRASHED": 3}'
        FROM generate_series(1, %(days)s * 288) AS n;
    ANALYZE;
"""


@pytest.fixture(scope="module")
def filled_database(stack: Stack) -> Iterator[str]:
    """A database of its own on the stack's server."""
    base, _, _ = stack.database_url.rpartition("/")
    with psycopg.connect(stack.database_url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS list_plans")
        server.execute("CREATE DATABASE list_plans")
    url = f"{base}/list_plans"
    with upgrade_schema(url):
        pass
    with psycopg.connect(url, autocommit=True) as db:
        psycopg.ClientCursor(db).execute(FILL, {"rows": ROWS, "days": HISTORY_DAYS})
    yield url
    with psycopg.connect(stack.database_url, autocommit=True) as server:
        server.execute("DROP DATABASE list_plans WITH (FORCE)")


def read_plan(url: str, statement: Statement) -> str:
    [(_, lines)] = explain(url, statement)
    return "\n".join(lines)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("status", [None, "SUCCESS", "CRASHED"])
@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first", "middle"])
def test_a_page_of_instances_is_read_in_its_order_from_one_index(
    filled_database: str, sort: InstanceSort, status: str | None, after: ListCursor | None
) -> None:
    which = InstanceFilter(status=status)
    plan = read_plan(filled_database, lambda db: fleet.list_page(db, which, after, 200, sort, with_spend=True))
    index = "instance_infra_by_id" if sort.startswith("id") else "instance_infra_by_creation"
    if status == "CRASHED":
        # What most have is found in the order's own index as well.
        index = "instance_infra_by_status_and_id" if sort.startswith("id") else "instance_infra_by_status"
    elif status:
        index = r"instance_infra_by_\w+"
    direction = " Backward" if sort.endswith("_desc") else ""
    assert re.match(rf"Limit .*\n  ->  Index Scan{direction} using {index} on instance_infra infra ", plan), plan
    if after is not None:
        assert re.search(r"^        Index Cond: .*(created_at|instance_id)", plan, re.MULTILINE), plan
    assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(("prefix", "tool"), [("i-777", None), (None, "openrouter"), (None, "bankr")])
def test_other_filters_scan_no_table_in_any_order(
    filled_database: str, sort: InstanceSort, prefix: str | None, tool: str | None
) -> None:
    which = InstanceFilter(tool_id=tool, id_prefix=prefix)
    plan = read_plan(filled_database, lambda db: fleet.list_page(db, which, MIDDLE, 200, sort, with_spend=True))
    assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("which", [OrphanFilter(), OrphanFilter("telnyx"), OrphanFilter(None, "failed")])
@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first", "middle"])
def test_a_page_of_orphans_is_read_in_its_order_from_one_index(
    filled_database: str, which: OrphanFilter, after: ListCursor | None
) -> None:
    plan = read_plan(filled_database, lambda db: orphan_decisions.list_newest(db, which, after, 200))
    assert re.match(r"Limit .*\n  ->  Index Scan Backward using orphan_decisions_by_", plan), plan


def test_the_history_of_a_day_and_the_steps_of_a_day_are_ranges_of_an_index(filled_database: str) -> None:
    end = datetime.now(UTC)
    plan = read_plan(filled_database, lambda db: fleet_history.list_points(db, end - timedelta(days=1), end, 300))
    assert "Seq Scan" not in plan, plan
    plan = read_plan(filled_database, lambda db: provider_steps.count_recent(db, PROVIDERS, 86400))
    assert "operation_steps_by_start" in plan, plan
    assert "Seq Scan" not in plan, plan


def test_retention_reads_what_it_deletes(filled_database: str) -> None:
    for statement in (
        lambda db: orphan_decisions.delete_past(db, 90 * 86400.0),
        lambda db: fleet_history.delete_past(db, HISTORY_DAYS * 86400.0),
    ):
        plan = read_plan(filled_database, statement)
        assert "Seq Scan" not in plan, plan
