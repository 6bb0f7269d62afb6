"""The approvals inbox beside the playground, in headless Chromium against the whole stack."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.browser.console import open_screen, sign_in_as_user
from tests.browser.playground import call_of, expect_everything_once, long_text, read_event_log, send_prompt
from tests.browser.test_console_accessibility import find_violations
from tests.harness.database import Database
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.prompt_stream import destroy_turn, start_prompt, text_turn, unique_text
from tests.prompts.sample_agent import tool_call

pytestmark = pytest.mark.browser


def test_a_call_is_approved_in_another_tab_and_one_is_rejected_with_a_reason(
    open_page: Callable[..., Page], stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    text = unique_text()
    simulator.script_model(
        destroy_turn("call_1", "first"), destroy_turn("call_2", "second"), text_turn("Well."), match=text
    )
    playground, inbox = open_page(), open_page()
    sign_in_as_user(inbox, stack.url, user_id)
    open_screen(inbox, stack.url, "approvals")
    expect(inbox.get_by_text("Nothing waits for you.")).to_be_visible()
    sign_in_as_user(playground, stack.url, user_id)
    prompt_id = send_prompt(playground, text)
    expect(call_of(playground, "instances.destroy")).to_contain_text("waits for approval")
    card = inbox.get_by_role("article", name=re.compile("instances.destroy"))
    expect(card).to_contain_text("Destroys instance")
    expect(card).to_contain_text('"instanceId":"first"')
    expect(card).to_contain_text(f"asked by {user_id} (you)")
    expect(card.get_by_text(re.compile(r"^[\d:]+ left$"))).to_be_visible()
    card.get_by_role("button", name="Approve instances.destroy").click()
    log = inbox.get_by_role("log", name="Decided")
    expect(log).to_contain_text("You approved it.")
    first, second = (call_of(playground, "instances.destroy").nth(index) for index in (0, 1))
    expect(first).to_contain_text("Instance first not found")
    expect(first).to_contain_text(f"Approved by {user_id}")
    expect(second).to_contain_text("waits for approval")
    # The second one in the playground: the inbox says what became of it.
    expect(card).to_contain_text('"instanceId":"second"')
    second.get_by_role("button", name="Reject instances.destroy…").click()
    second.get_by_label("Reason").fill("Not on a Friday")
    second.get_by_role("button", name="Reject", exact=True).click()
    expect(second).to_contain_text(f"Rejected by {user_id}: Not on a Friday")
    expect(log).to_contain_text("It was rejected by you, elsewhere: Not on a Friday")
    expect(inbox.get_by_text("Nothing waits for you.")).to_be_visible()
    events = expect_everything_once(playground, client, prompt_id)
    results = [event.data["result"] for event in events if event.data.get("type") == "tool"]
    assert results[1]["error"] == "A person rejected this call: Not on a Friday"


def test_the_inbox_is_used_by_keyboard_and_no_key_of_a_field_decides(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    prompts = []
    for name in ("one", "two", "three"):
        prompts.append(start_prompt(client, simulator, destroy_turn("call_1", name), text_turn("Well.")))
        prompts[-1].read_until_event("prompt.approval")
        prompts[-1].close()
    sign_in_as_user(page, stack.url, user_id)
    open_screen(page, stack.url, "approvals")
    cards = page.get_by_role("article")
    expect(cards).to_have_count(3)
    page.keyboard.press("j")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    expect(cards.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("r")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("jarring aka bad")
    expect(page.get_by_label("Reason")).to_have_value("jarring aka bad")
    page.keyboard.press("Enter")
    log = page.get_by_role("log", name="Decided")
    expect(log).to_contain_text("You rejected it.")
    expect(cards).to_have_count(2)
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("a")
    expect(cards.nth(1).get_by_role("button", name="Approve instances.destroy")).to_be_focused()
    page.keyboard.press("Enter")
    expect(log).to_contain_text("You approved it.")
    expect(cards).to_have_count(1)
    expect(cards.nth(0)).to_be_focused()
    decisions = [
        event.data for prompt in prompts[1:] for event in read_event_log(client, prompt.prompt_id)
        if event.event == "prompt.decided"
    ]  # fmt: skip
    assert [decision["decision"] for decision in decisions] == ["rejected", "approved"]
    assert decisions[0]["reason"] == "jarring aka bad"
    assert client.get(f"/prompts/{prompts[0].prompt_id}").json()["status"] == "waiting"
    client.post(f"/prompts/{prompts[0].prompt_id}/cancel")
    expect(log).to_contain_text("Its prompt has ended: The prompt was cancelled")


def test_an_approval_that_expires_says_so(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, db: Database, user_id: str
) -> None:
    prompt = start_prompt(client, simulator, destroy_turn(), text_turn("Well."))
    prompt.read_until_event("prompt.approval")
    prompt.close()
    sign_in_as_user(page, stack.url, user_id)
    open_screen(page, stack.url, "approvals")
    expect(page.get_by_role("article")).to_have_count(1)
    db.execute(
        "UPDATE prompt_calls SET expires_at = clock_timestamp() + interval '10 seconds' WHERE prompt_id = %s",
        (prompt.prompt_id,),
    )
    expect(page.get_by_role("log", name="Decided")).to_contain_text("It has expired: nobody decided in time.")
    client.post(f"/prompts/{prompt.prompt_id}/cancel")


def test_a_decision_that_comes_too_late_shows_the_error_of_the_api(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    prompt = start_prompt(client, simulator, destroy_turn(), text_turn("Well."))
    prompt.read_until_event("prompt.approval")
    prompt.close()
    sign_in_as_user(page, stack.url, user_id)
    # The page hears of nothing, as if it had lost its connection a moment ago.
    page.route("**/stream?*", lambda route: route.fulfill(content_type="text/event-stream", body=bytes(prompt.raw)))
    open_screen(page, stack.url, f"prompts/{prompt.prompt_id}")
    approve = page.get_by_role("button", name="Approve instances.destroy")
    expect(approve).to_be_visible()
    assert client.post(f"/prompts/{prompt.prompt_id}/cancel").status_code == 200
    approve.click()
    alert = call_of(page, "instances.destroy").get_by_role("alert")
    expect(alert).to_contain_text("PROMPT_NOT_FOUND")
    expect(alert).to_contain_text(re.compile(r"request \S{8,}"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing_serious_on_both_screens_with_something_on_them(
    open_page: Callable[..., Page], stack: Stack, engine: EngineHarness, scheme: Any, width: int
) -> None:
    done = engine.submit_and_advance(
        {"text": long_text("word", 80), "calls": [tool_call("effects.file"), tool_call("effects.raise", "call_2")]},
        {"text": "x" * 300},
        text=unique_text("A question " + "w" * 200),
    )
    waiting = engine.submit_and_advance({"calls": [tool_call("effects.ask", name="n" * 20)]})
    page = open_page(width, scheme)
    sign_in_as_user(page, stack.url, engine.user_id)
    found = {}
    for screen in ("prompts", f"prompts/{done}", f"prompts/{waiting}", "approvals"):
        open_screen(page, stack.url, screen)
        page.get_by_role("heading", level=1).wait_for()
        if screen.startswith("prompts/"):
            expect(page.get_by_role("article").first).to_be_visible()
            page.get_by_role("heading", name="Event log").click()
            page.get_by_role("list", name="Events").get_by_role("listitem").first.locator("summary").click()
        if screen in ("approvals", f"prompts/{waiting}"):
            page.get_by_role("button", name="Reject effects.ask…").click()
            expect(page.get_by_label("Reason")).to_be_focused()
        found[screen] = find_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, screen
    assert {screen: violations for screen, violations in found.items() if violations} == {}
