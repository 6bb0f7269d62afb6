"""The console's screens for who runs the fleet: sorting and filtering many, totals over time, orphans, health."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.lifecycle.health_details import SCHEDULES
from tests.browser.conftest import READ_KEY, TIMEOUT_MS
from tests.browser.console import open_screen, sign_in
from tests.browser.page_visit import PageVisit
from tests.browser.test_console_accessibility import find_violations
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.instances import create_instance, create_request, insert_leaked_create, new_instance_id
from tests.harness.status_poller import run_status_poller

pytestmark = pytest.mark.browser

FLEET_SIZE = 5_000
HISTORY_HOURS = 12


@pytest.fixture(autouse=True)
def reset_tables(db: Database, simulator: SimulatorClient) -> None:
    reset_fleet_tables(db)
    for table in ("fleet_history", "orphan_decisions", "orphan_sightings", "schedule_runs", "key_spend"):
        db.execute(f"DELETE FROM {table}")  # type: ignore[arg-type]


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A page whose policy is never violated, and which contacts no other host."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    visit = PageVisit(page, tolerates_refusals=True)
    yield page
    page.close()
    visit.expect_no_other_host(stack.url)
    assert visit.console_errors == []


def insert_fleet(db: Database, count: int = FLEET_SIZE) -> None:
    """Insert instances, of which every fourth has a key that has spent a part of its cap."""
    db.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, deploy_status, created_at)"
        " SELECT 'row-' || lpad(n::text, 5, '0'), 's-' || n, 'e',"
        "  CASE mod(n, 10) WHEN 0 THEN 'CRASHED' ELSE 'SUCCESS' END,"
        "  now() - make_interval(mins => mod(n * 7919, %s)) FROM generate_series(1, %s) AS n",
        (count, count),
    )
    db.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)"
        " SELECT instance_id, CASE mod(n, 8) WHEN 0 THEN 'openrouter' ELSE 'agentmail' END, 'key-' || n, 'K'"
        " FROM (SELECT instance_id, substr(instance_id, 5)::int AS n FROM instance_infra) AS i WHERE mod(n, 4) = 0"
    )
    db.execute(
        "INSERT INTO key_spend (resource_id, cap, remaining, usage, cap_reset, seen_at)"
        " SELECT resource_id, 20, 1.5, 42, 'monthly', now() FROM instance_services WHERE tool_id = 'openrouter'"
    )


def insert_history(db: Database, hours: int = HISTORY_HOURS) -> None:
    """Insert a point for every five minutes, except for an hour in the middle."""
    db.execute(
        "INSERT INTO fleet_history (at, counts) SELECT now() - make_interval(mins => 5 * n),"
        " jsonb_build_object('SUCCESS', 900 + mod(n * 37, 50), 'CRASHED', mod(n, 7), 'BUILDING', mod(n, 3))"
        " FROM generate_series(1, %s) AS n WHERE n NOT BETWEEN 60 AND 72",
        (hours * 12,),
    )


def insert_orphans(db: Database) -> None:
    db.execute(
        "INSERT INTO orphan_decisions (provider, kind, resource_id, name, first_seen, last_seen, sightings, decision,"
        " reason) SELECT provider, kind, provider || '-' || n, 'convos-agent-' || n, now() - make_interval(hours => n),"
        "  now(), n, decision, reason FROM (VALUES"
        "  (1, 'openrouter', 'tool', 'reported', 'set ORPHANS=delete or delete it by hand'),"
        "  (2, 'railway', 'service', 'deleted', 'ORPHANS=delete, and nothing knew it at the moment of its deletion'),"
        "  (3, 'telnyx', 'tool', 'failed', 'telnyx numbers.delete: HTTP 403: not allowed'),"
        "  (4, 'agentmail', 'tool', 'refused', 'more than half of what has our names there is unknown')"
        " ) AS o (n, provider, kind, decision, reason)"
    )


def get_ids(table: Locator) -> list[str]:
    return table.get_by_role("link").all_inner_texts()[:3]


def test_many_instances_are_sorted_by_the_server_and_filtered_by_tool(page: Page, stack: Stack, db: Database) -> None:
    insert_fleet(db)
    sign_in(page, stack.url, screen="fleet")
    table = page.get_by_role("region", name="Instances")
    created = table.get_by_role("columnheader", name="Created")
    expect(created).to_have_attribute("aria-sort", "descending")
    by_id = table.get_by_role("columnheader", name="Instance")
    by_id.get_by_role("button").click()
    expect(by_id).to_have_attribute("aria-sort", "ascending")
    expect(table.get_by_role("link").first).to_have_text("row-00001")
    assert get_ids(table) == ["row-00001", "row-00002", "row-00003"]
    by_id.get_by_role("button").press("Enter")
    expect(table.get_by_role("link").first).to_have_text("row-05000")
    table.evaluate("frame => frame.scrollTo(0, frame.scrollHeight)")
    expect(page.get_by_text(re.compile("^(400|600) loaded"))).to_be_visible()
    table.evaluate("frame => frame.scrollTo(0, 0)")
    page.get_by_label("Tool").select_option("openrouter")
    expect(table.get_by_role("link").first).to_have_text("row-05000")
    expect(table.get_by_role("row").nth(1)).to_contain_text("$18.50 / $20.00")
    page.get_by_role("group", name="Totals by status").get_by_role("button", name="crashed").click()
    expect(page.get_by_text(re.compile("^125 loaded"))).to_be_visible()
    page.reload()
    expect(by_id).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_text(re.compile("^125 loaded"))).to_be_visible()
    created.get_by_role("button").click()
    expect(created).to_have_attribute("aria-sort", "descending")
    # Of these row-05000 is the newest, too.
    expect(table.get_by_role("link").first).to_have_text("row-05000")
    created.get_by_role("button").click()
    expect(created).to_have_attribute("aria-sort", "ascending")
    expect(table.get_by_role("link").first).not_to_have_text("row-05000")


def test_the_chart_has_a_line_for_each_status_with_its_gap_and_a_table(page: Page, stack: Stack, db: Database) -> None:
    insert_history(db)
    sign_in(page, stack.url, READ_KEY, screen="fleet")
    chart = page.get_by_role("region", name="Totals over time", exact=True)
    lines = chart.get_by_role("img")
    expect(lines).to_have_count(3)
    path = lines.first.locator("path").get_attribute("d") or ""
    # 200 points are asked for of 288 of a day, so each is of 10 minutes; an hour is missing in the middle.
    assert 50 < path.count("L") <= 80
    assert path.count("M") == 2
    expect(lines.first).to_have_attribute("aria-label", re.compile(r"^SUCCESS: 9\d\d to 9\d\d, at last 9\d\d$"))
    lines.first.hover()
    expect(lines.first.locator("line")).to_have_count(1)
    chart.get_by_text("As a table").click()
    table = chart.get_by_role("region", name="Totals over time as a table")
    expect(table.get_by_role("columnheader")).to_have_text(["Time", "success", "crashed", "building"])
    assert table.get_by_role("row").count() == path.count("L") + 1
    chart.get_by_role("button", name="Week").click()
    expect(chart.get_by_role("button", name="Week")).to_have_attribute("aria-pressed", "true")
    expect(table.get_by_role("row").nth(1)).to_be_visible()


def test_the_chart_says_that_nothing_was_recorded_until_the_poller_has_run(
    page: Page, stack: Stack, api: httpx.Client, simulator: SimulatorClient
) -> None:
    sign_in(page, stack.url, screen="fleet")
    chart = page.get_by_role("region", name="Totals over time", exact=True)
    expect(chart).to_contain_text("Nothing was recorded in this time yet.")
    assert create_instance(api, create_request(new_instance_id(), [])).status_code == 200
    run_status_poller(stack)
    page.reload()
    expect(chart.get_by_role("img")).to_have_count(1)


def test_leaks_and_orphans_show_what_is_left_and_what_was_decided_and_why(
    page: Page, stack: Stack, api: httpx.Client, db: Database
) -> None:
    body, operation_id = insert_leaked_create(api, db, ["openrouter"])
    db.execute(
        'UPDATE operations SET error = \'{"message": "Not Authorized", "left": ["openrouter", "service"]}\''
        " WHERE id = %s",
        (operation_id,),
    )
    insert_orphans(db)
    sign_in(page, stack.url, READ_KEY)
    page.get_by_role("link", name="Leaks and orphans").click()
    leaks = page.get_by_role("region", name="Leaked operations")
    expect(leaks.get_by_role("listitem")).to_contain_text(["Not Authorized"])
    expect(leaks).to_contain_text(re.compile("openrouter.*service"))
    orphans = page.get_by_role("list", name="Orphans").get_by_role("listitem")
    expect(orphans).to_have_count(4)
    expect(orphans.first).to_contain_text("reported")
    expect(orphans.first).to_contain_text("set ORPHANS=delete or delete it by hand")
    expect(orphans.first).to_contain_text(re.compile(r"first seen 1 h ago, once"))
    expect(orphans.nth(1)).to_contain_text("2 times")
    page.get_by_label("Provider").select_option("telnyx")
    expect(orphans).to_have_count(1)
    expect(orphans.first).to_contain_text("HTTP 403")
    page.get_by_label("Decision").select_option("deleted")
    expect(page.get_by_text("No orphan fits.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Decision")).to_have_value("deleted")
    leaks.get_by_role("link").click()
    resources = page.get_by_role("region", name="At the providers")
    expect(resources.get_by_role("listitem").filter(has_text="railway service")).to_contain_text("created")
    open_screen(page, stack.url, f"instances/{body['instanceId']}")


def test_health_shows_schedules_providers_and_versions(
    page: Page, stack: Stack, api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    db.execute("UPDATE operation_steps SET started_at = started_at - interval '25 hours'")
    simulator.inject_fault("openrouter", "keys.create", "refuse", status=403, message="no more keys", times=None)
    assert create_instance(api, create_request(new_instance_id(), ["openrouter"])).status_code == 500
    run_status_poller(stack)
    simulator.inject_fault("railway", "*", "server_error", times=None)
    run_status_poller(stack)
    db.execute("UPDATE schedule_runs SET known_since = known_since - interval '1 hour'")
    sign_in(page, stack.url, READ_KEY, screen="health")
    schedules = page.get_by_role("region", name="Schedules").get_by_role("listitem")
    expect(schedules).to_have_count(len(SCHEDULES))
    expect(schedules.filter(has_text="status poller")).to_contain_text("failed")
    expect(schedules.filter(has_text="status poller")).to_contain_text("HTTP 500")
    expect(schedules.filter(has_text="status poller")).to_contain_text("Succeeded last")
    expect(schedules.filter(has_text="reconciler")).to_contain_text("overdue")
    expect(schedules.filter(has_text="reconciler")).to_contain_text("never ran")
    providers = page.get_by_role("region", name="Providers").get_by_role("listitem")
    expect(providers.filter(has_text="openrouter").first).to_contain_text("100 % failed")
    expect(providers.filter(has_text="telnyx")).to_contain_text("not called")
    versions = page.get_by_role("region", name="Versions")
    expect(versions).to_contain_text(re.compile(r"Schema\s*00\d\d"))
    expect(page.get_by_role("link", name="OpenAPI document of both APIs")).to_be_visible()
    providers.filter(has_text="openrouter").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Create")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing_serious_on_these_screens(
    browser: Browser, stack: Stack, api: httpx.Client, db: Database, scheme: Any, width: int
) -> None:
    _, operation_id = insert_leaked_create(api, db, ["openrouter"])
    insert_fleet(db, 300)
    insert_history(db)
    insert_orphans(db)
    run_status_poller(stack)
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.set_default_timeout(TIMEOUT_MS)
    sign_in(page, stack.url)
    found: dict[str, list[dict[str, Any]]] = {}
    for screen in ("fleet", "orphans", "health", f"operations/{operation_id}"):
        open_screen(page, stack.url, screen)
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        if screen == "fleet":
            page.get_by_text("As a table").click()
            page.get_by_role("region", name="Totals over time as a table").wait_for()
        found[screen] = find_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, screen
    page.close()
    assert {screen: violations for screen, violations in found.items() if violations} == {}
