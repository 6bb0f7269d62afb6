"""Every screen of the console by axe, in dark and light, wide and at 400 px; and by keyboard."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.console import open_screen, sign_in, sign_in_as_user
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.instances import create_instance, create_request, insert_leaked_create, new_instance_id
from tests.harness.paths import CHECKOUT

pytestmark = pytest.mark.browser

AXE = CHECKOUT / "console" / "node_modules" / "axe-core" / "axe.min.js"


def find_violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds serious or critical, with the first elements of each."""
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        {"rule": violation["id"], "elements": [node["html"][:200] for node in violation["nodes"][:3]]}
        for violation in result["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    browser: Browser, stack: Stack, api: httpx.Client, db: Database, simulator: SimulatorClient, scheme: Any, width: int
) -> None:
    reset_fleet_tables(db)
    body = create_request(new_instance_id())
    assert create_instance(api, body).status_code == 200
    _, operation_id = insert_leaked_create(api, db, [])
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.set_default_timeout(TIMEOUT_MS)
    open_screen(page, stack.url, "operations")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    found = {"sign-in": find_violations(page)}
    sign_in(page, stack.url)
    sign_in_as_user(page, stack.url, "user")
    for screen in (
        "operations", f"operations/{operation_id}", "fleet", f"instances/{body['instanceId']}", "create", "health",
        "prompts", "approvals",
    ):  # fmt: skip
        open_screen(page, stack.url, screen)
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        found[screen] = find_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, screen
    open_screen(page, stack.url, f"instances/{body['instanceId']}")
    page.get_by_role("button", name="Destroy…").click()
    page.get_by_role("dialog").wait_for()
    found["dialog"] = find_violations(page)
    page.close()
    assert {screen: violations for screen, violations in found.items() if violations} == {}


def test_a_dialog_is_used_by_keyboard_alone(browser: Browser, stack: Stack, simulator: SimulatorClient) -> None:
    page = browser.new_page()
    sign_in(page, stack.url, screen="health")
    opener = page.get_by_role("button", name="Switch on…")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Begin maintenance")
    expect(dialog).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        # The browser's own controls may have the focus in between, never what is behind the dialog.
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.close()
