"""The console in headless Chromium against the whole stack: what a person who runs a fleet does with it."""

import json
import re
import threading

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.browser.conftest import READ_KEY
from tests.browser.console import open_screen, sign_in, sign_in_as_user
from tests.harness.database import Database, reset_fleet_tables, restart_postgres
from tests.harness.ids import unique_id
from tests.harness.instances import (
    create_instance,
    create_request,
    insert_leaked_create,
    new_instance_id,
    wait_until_deployed,
)

pytestmark = pytest.mark.browser

FLEET_SIZE = 10_000
OUTAGE_SECONDS = 5


@pytest.fixture(autouse=True)
def reset_tables(db: Database, simulator: SimulatorClient) -> None:
    reset_fleet_tables(db)


def test_creates_an_instance_and_shows_its_steps_until_it_is_there(page: Page, stack: Stack) -> None:
    instance_id = new_instance_id()
    sign_in(page, stack.url, screen="create")
    page.get_by_label("Id", exact=True).fill(instance_id)
    page.get_by_label(re.compile("OpenRouter")).check()
    page.get_by_role("button", name="Create…").click()
    dialog = page.get_by_role("dialog", name=f"Create {instance_id}")
    expect(dialog).to_contain_text("openrouter")
    dialog.get_by_role("button", name="Create").click()
    steps = page.get_by_role("list", name="Steps")
    expect(steps.get_by_role("listitem").filter(has_text="service")).to_contain_text("succeeded")
    page.get_by_role("link", name=f"Open {instance_id}").click()
    expect(page.get_by_role("heading", name=instance_id)).to_be_visible()
    expect(page.get_by_role("region", name="Tools")).to_contain_text("active")
    open_screen(page, stack.url, "fleet")
    expect(page.get_by_role("link", name=instance_id)).to_be_visible()


def test_shows_a_failing_create_and_that_it_was_undone(page: Page, stack: Stack, simulator: SimulatorClient) -> None:
    simulator.inject_fault("railway", "environmentPatchCommit", "graphql_error", message="no capacity", times=None)
    instance_id = new_instance_id()
    sign_in(page, stack.url, screen="create")
    page.get_by_label("Id", exact=True).fill(instance_id)
    page.get_by_role("button", name="Create…").click()
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    region = page.get_by_role("region", name=instance_id)
    expect(region).to_contain_text("no capacity")
    expect(region.get_by_role("listitem").filter(has_text="undo")).to_contain_text("succeeded")
    expect(region.get_by_text("failed", exact=True).first).to_be_visible()
    open_screen(page, stack.url, f"instances/{instance_id}")
    expect(page.get_by_text("There is no instance of this id")).to_be_visible()
    assert simulator.list_leftovers() == []


def test_an_instance_is_destroyed_after_its_id_was_typed(
    page: Page, stack: Stack, api: httpx.Client, simulator: SimulatorClient
) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    assert create_instance(api, body).status_code == 200
    instance_id = body["instanceId"]
    sign_in(page, stack.url, screen=f"instances/{instance_id}")
    opener = page.get_by_role("button", name="Destroy…")
    opener.click()
    dialog = page.get_by_role("dialog", name=f"Destroy {instance_id}")
    expect(dialog.get_by_role("button", name="Destroy")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_label(f"Type {instance_id} to confirm").fill(instance_id)
    dialog.get_by_role("button", name="Destroy").click()
    expect(page.get_by_text("There is no instance of this id")).to_be_visible()
    operations = page.get_by_role("region", name="Operations of this instance")
    expect(operations.get_by_role("row").filter(has_text="Destroy")).to_contain_text("succeeded")
    assert simulator.list_leftovers() == []


def test_a_tool_is_provisioned_and_variables_are_set(
    page: Page, stack: Stack, api: httpx.Client, simulator: SimulatorClient
) -> None:
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    body = create_request(new_instance_id(), [])
    service_id = create_instance(api, body).json()["serviceId"]
    wait_until_deployed(api, body["instanceId"])
    sign_in(page, stack.url, screen=f"instances/{body['instanceId']}")
    page.get_by_role("button", name="Provision OpenRouter…").click()
    dialog = page.get_by_role("dialog", name=f"Provision OpenRouter for {body['instanceId']}")
    dialog.get_by_label("Limit in USD").fill("5")
    dialog.get_by_role("button", name="Provision").click()
    expect(page.get_by_text("Provision of OpenRouter is done.")).to_be_visible()
    expect(page.get_by_role("region", name="Tools")).to_contain_text("$0.00 spent of $5.00")
    page.get_by_role("button", name="Configure…").click()
    dialog = page.get_by_role("dialog", name=f"Configure {body['instanceId']}")
    dialog.get_by_label("Variables").fill("no variable")
    dialog.get_by_role("button", name="Set variables").click()
    expect(dialog.get_by_role("alert")).to_contain_text("NAME=value")
    dialog.get_by_label("Variables").fill("LOG_LEVEL=debug\nGREETING=hello = world")
    dialog.get_by_role("button", name="Set variables").click()
    expect(page.get_by_text(f"Configure of {body['instanceId']} is done.")).to_be_visible()
    variables = simulator.get_state()["railway"]["instances"][f"{service_id}:sim-environment"]["variables"]
    assert (variables["LOG_LEVEL"], variables["GREETING"]) == ("debug", "hello = world")


def test_a_leaked_operation_comes_first_and_can_be_retried(
    page: Page, stack: Stack, api: httpx.Client, db: Database
) -> None:
    body, _ = insert_leaked_create(api, db, ["openrouter"])
    sign_in(page, stack.url)
    leaked = page.get_by_role("region", name="Leaked operations")
    expect(leaked).to_contain_text(body["instanceId"])
    leaked.get_by_role("link", name="Create").click()
    page.get_by_role("button", name="Retry…").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", name=f"Create {body['instanceId']}")).to_be_visible()
    expect(page.get_by_role("button", name="Retry…")).to_be_hidden()
    expect(page.get_by_text("failed", exact=True).first).to_be_visible()


def test_finds_one_instance_of_ten_thousand_and_scrolls_through_them(page: Page, stack: Stack, db: Database) -> None:
    db.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, deploy_status, created_at)"
        " SELECT 'row-' || n, 's-' || n, 'e', CASE mod(n, 5) WHEN 0 THEN 'CRASHED' ELSE 'SUCCESS' END,"
        "  now() - make_interval(mins => n) FROM generate_series(1, %s) AS n",
        (FLEET_SIZE,),
    )
    sign_in(page, stack.url, screen="fleet")
    totals = page.get_by_role("group", name="Totals by status")
    expect(totals.get_by_role("button", name="All")).to_contain_text("10,000")
    expect(totals.get_by_role("button", name="crashed")).to_contain_text("2,000")
    table = page.get_by_role("region", name="Instances")
    for _ in range(4):
        table.evaluate("frame => frame.scrollTo(0, frame.scrollHeight)")
        page.wait_for_timeout(300)
    expect(page.get_by_text(re.compile(r"^(600|800|1,000) loaded"))).to_be_visible()
    # Only what is in view is in the page, however much was loaded.
    assert table.get_by_role("row").count() < 80
    page.get_by_label("Search").fill("row-7341")
    expect(table.get_by_role("link")).to_have_text(["row-7341"])
    page.get_by_label("Search").fill("row-73")
    totals.get_by_role("button", name="crashed").click()
    expect(table.get_by_role("row").filter(has_text="crashed")).to_have_count(22)
    page.reload()
    expect(table.get_by_role("row").filter(has_text="crashed")).to_have_count(22)


def test_wrong_credentials_are_refused_in_words_and_nothing_is_kept(page: Page, stack: Stack) -> None:
    open_screen(page, stack.url, "operations")
    page.get_by_label("Services key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This Services key is wrong")
    open_screen(page, stack.url, "prompts")
    page.get_by_label("User id").fill("a,b")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This credential is wrong")
    assert page.evaluate("sessionStorage.length") == 0


def test_the_agent_api_is_asked_where_the_deployment_has_it(page: Page, stack: Stack) -> None:
    def change_prefix(route: Route) -> None:
        response = route.fetch()
        text = response.text().replace('data-api-prefix="/api"', 'data-api-prefix="/v1"')
        route.fulfill(response=response, body=text)

    page.route("**/console", change_prefix)
    open_screen(page, stack.url, "prompts")
    page.get_by_label("User id").fill("ada")
    with page.expect_request(f"{stack.url}/v1/capabilities") as request:
        page.get_by_role("button", name="Sign in").click()
    assert request.value.headers["x-user-id"] == "ada"


def test_signing_out_forgets_the_credentials_and_what_was_read(page: Page, stack: Stack) -> None:
    sign_in(page, stack.url)
    sign_in_as_user(page, stack.url, unique_id("user"))
    page.reload()
    expect(page.get_by_text("Full access")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_key_that_is_withdrawn_ends_the_session_and_says_so(page: Page, stack: Stack) -> None:
    sign_in(page, stack.url)
    kept = json.dumps({"services": {"key": "old", "mayWrite": True}, "agent": None})
    page.evaluate("kept => sessionStorage.setItem('pointsman.session', kept)", kept)
    page.reload()
    expect(page.get_by_text("The Services key is not accepted any more")).to_be_visible()
    expect(page.get_by_label("Services key")).to_be_visible()


def test_a_key_that_can_only_read_sees_everything_and_no_button_that_changes_something(
    page: Page, stack: Stack, api: httpx.Client, db: Database
) -> None:
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    _, operation_id = insert_leaked_create(api, db, [])
    sign_in(page, stack.url, READ_KEY)
    expect(page.get_by_text("Read-only")).to_be_visible()
    for screen, heading in {
        f"operations/{operation_id}": re.compile("^Create "),
        "fleet": "Fleet",
        f"instances/{body['instanceId']}": body["instanceId"],
        "health": "Health",
    }.items():
        open_screen(page, stack.url, screen)
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("button", name="…")).to_have_count(0)
        expect(page.get_by_role("link", name="Create instance")).to_have_count(0)
    open_screen(page, stack.url, "create")
    expect(page.get_by_text("Your key can only read")).to_be_visible()


def test_maintenance_is_switched_and_the_log_of_changes_shows_it(page: Page, stack: Stack) -> None:
    sign_in(page, stack.url, screen="health")
    region = page.get_by_role("region", name="Maintenance")
    region.get_by_role("button", name="Switch on…").click()
    page.get_by_label("Message to callers").fill("back at noon")
    page.get_by_role("dialog").get_by_role("button", name="Switch on").click()
    expect(region).to_contain_text("back at noon")
    expect(page.get_by_role("region", name="Newest changes")).to_contain_text("maintenance.on")
    region.get_by_role("button", name="Switch off…").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
    expect(region.get_by_text("off", exact=True)).to_be_visible()


def test_an_error_of_the_api_is_shown_with_its_code_and_request(page: Page, stack: Stack) -> None:
    sign_in(page, stack.url, screen="operations/op-unknown")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("NOT_FOUND")
    expect(alert).to_contain_text(re.compile(r"request \S{8,}"))


def test_a_database_that_is_gone_for_seconds_shows_a_banner_and_the_page_recovers(
    page: Page, stack: Stack, api: httpx.Client
) -> None:
    body = create_request(new_instance_id(), [])
    assert create_instance(api, body).status_code == 200
    sign_in(page, stack.url)
    row = page.get_by_role("link", name=body["instanceId"])
    expect(row).to_be_visible()
    outage = threading.Thread(target=restart_postgres, args=(stack, OUTAGE_SECONDS))
    outage.start()
    banner = page.get_by_text("The database does not answer.")
    expect(banner).to_be_visible()
    expect(row).to_be_visible()
    outage.join()
    expect(banner).to_be_hidden()
    expect(row).to_be_visible()
