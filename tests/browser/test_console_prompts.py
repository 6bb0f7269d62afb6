"""The playground and the approvals inbox in headless Chromium against the whole stack."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.agent.loop import model_turn
from tests.browser.conftest import STREAM_SECONDS
from tests.browser.console import open_screen, sign_in_as_user
from tests.browser.test_console_accessibility import find_violations
from tests.harness.clients import agent_client
from tests.harness.database import Database, restart_postgres
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.ids import unique_id
from tests.harness.stack import NO_QUOTAS
from tests.harness.step_functions import create_idle_state_machine
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.prompt_stream import (
    PromptStream,
    destroy_turn,
    post_prompt,
    start_prompt,
    text_turn,
    unique_text,
    wait_for_status,
)
from tests.prompts.sample_agent import tool_call
from tests.prompts.sse_readers import Message

pytestmark = pytest.mark.browser

OUTAGE_SECONDS = 5
GAP_SECONDS = 0.15
"""Between two deltas of a text, so that much can happen meanwhile."""

TIME_CALL = {"name": "time.now", "call_id": "call_time", "arguments": {}}


def long_text(name: str, words: int = 40) -> str:
    """A text of numbered words, so that a lost or doubled one shows."""
    return " ".join(f"{name}{number}" for number in range(words))


@pytest.fixture
def user_id() -> str:
    return unique_id("user-")


@pytest.fixture
def client(stack: Stack, user_id: str) -> Iterator[httpx.Client]:
    """The Agent API for the user who sits at the page."""
    with agent_client(stack.url, user_id) as client:
        yield client


@pytest.fixture
def engine(stack: Stack, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineHarness]:
    """The prompt loop in this process, for tools that the bundle has not. Its prompts are in the stack's database."""
    changes = {"PROMPT_STATE_MACHINE_ARN": create_idle_state_machine(stack), **NO_QUOTAS}
    environment = function_environment(stack, "AdvancePromptFunction", **changes)
    with use_environment(monkeypatch, environment):
        engine = EngineHarness(stack, simulator, environment)
        yield engine
        engine.close()
        if model_turn._build_model_client.cache_info().currsize:
            model_turn._get_model_client().close()
            model_turn._build_model_client.cache_clear()


def send_prompt(page: Page, text: str, conversation: str = "None") -> str:
    """Send a prompt from the playground; returns its id, from the address."""
    page.get_by_label("Prompt", exact=True).fill(text)
    page.get_by_label("Conversation", exact=True).select_option(conversation)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"#/prompts/prompt-"))
    return page.url.rsplit("/", 1)[1]


def read_event_log(client: httpx.Client, prompt_id: str) -> list[Message]:
    """Every stored event of a prompt that has ended, as the API sends it."""
    request = client.build_request("GET", f"/prompts/{prompt_id}/stream?events=all")
    return PromptStream(client, request).read_to_end()


def read_texts(events: list[Message]) -> list[str]:
    outputs = [event.data for event in events if event.event == "prompt.output"]
    return [output["content"] for output in outputs if output["type"] == "text"]


def transcript_of(page: Page) -> Locator:
    return page.get_by_role("list", name="Transcript").last


def call_of(page: Page, tool: str) -> Locator:
    return page.get_by_role("article", name=f"Call of {tool}")


def expect_everything_once(page: Page, client: httpx.Client, prompt_id: str) -> list[Message]:
    """Compare what the page shows of a prompt that has ended with the event log of the API; returns that."""
    expect(page.get_by_role("status")).to_have_text("Completed.")
    events = read_event_log(client, prompt_id)
    assert transcript_of(page).locator(".said").all_inner_texts() == read_texts(events)
    expect(page.locator(".draft")).to_have_count(0)
    tools = [event.data for event in events if event.event == "prompt.output" and event.data["type"] == "tool"]
    assert transcript_of(page).get_by_role("article").count() == len(tools)
    page.get_by_role("heading", name="Event log").click()
    entries = page.get_by_role("list", name="Events").get_by_role("listitem")
    shown = [tuple(codes.split("\n")) for codes in entries.locator("summary").all_inner_texts()]
    assert [entry[:2] for entry in shown] == [(event.id, event.event) for event in events]
    for index in (0, len(events) - 1):
        entries.nth(index).locator("summary").click()
        assert json.loads(entries.nth(index).locator("pre").inner_text()) == events[index].data
    return events


def test_a_prompt_that_is_reloaded_in_mid_stream_loses_and_doubles_nothing(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    text = unique_text()
    simulator.script_model(
        {"text": long_text("a"), "calls": [TIME_CALL], "gap_s": GAP_SECONDS},
        {"text": long_text("b"), "gap_s": GAP_SECONDS},
        match=text,
    )
    sign_in_as_user(page, stack.url, user_id)
    prompt_id = send_prompt(page, text)
    draft = page.locator(".draft")
    expect(draft).to_have_text(re.compile("^a0 a1"))
    page.reload()
    expect(page.get_by_text(text)).to_be_visible()
    expect(transcript_of(page)).to_contain_text(long_text("a"))
    expect(call_of(page, "time.now")).to_contain_text("done")
    expect(draft).to_have_text(re.compile("^b0 b1"))
    page.reload()
    events = expect_everything_once(page, client, prompt_id)
    assert read_texts(events) == [long_text("a"), long_text("b")]
    expect(page.get_by_text(re.compile(r"^[\d,]+ tokens$"))).to_be_visible()


def test_a_connection_that_breaks_is_taken_up_after_the_last_event(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    prompt = start_prompt(client, simulator, {"text": "One.", "calls": [TIME_CALL]}, text_turn("Two."))
    events = prompt.read_to_end()
    cut = bytes(prompt.raw).index(b"event: prompt.output", bytes(prompt.raw).index(b"id: 2"))
    cursors: list[str | None] = []

    def break_the_first(route: Route) -> None:
        cursors.append(route.request.headers.get("last-event-id"))
        if len(cursors) == 1:
            # Two events and the half of a third.
            route.fulfill(content_type="text/event-stream", body=bytes(prompt.raw[: cut + 40]))
        else:
            route.continue_()

    page.route("**/stream?*", break_the_first)
    sign_in_as_user(page, stack.url, user_id)
    open_screen(page, stack.url, f"prompts/{prompt.prompt_id}")
    expect_everything_once(page, client, prompt.prompt_id)
    page.wait_for_timeout(1_500)
    assert cursors == [None, "2"], "a prompt that has ended is not asked for again"
    assert len(events) == 5


def test_a_text_that_begins_anew_replaces_what_an_earlier_connection_brought(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    text = unique_text()
    broken = {"breaks": "dropped", "break_after": int(4 / GAP_SECONDS)}
    simulator.script_model({"text": long_text("a"), "gap_s": GAP_SECONDS, **broken}, match=text)
    prompt = post_prompt(client, text, stream="tokens")
    prompt.read_until_event("prompt.created")
    prompt.close()
    stale = f'event: prompt.delta\ndata: {{"promptId":"{prompt.prompt_id}","text":"a0 and then"}}\n\n'
    first = bytes(prompt.raw).decode().partition("event: prompt.delta")[0] + stale
    page.route("**/stream?*", lambda route: route.fulfill(content_type="text/event-stream", body=first), times=1)
    sign_in_as_user(page, stack.url, user_id)
    open_screen(page, stack.url, f"prompts/{prompt.prompt_id}")
    draft = page.locator(".draft")
    expect(draft).to_have_text("a0 and then")
    expect(draft).to_have_text(re.compile("^a0 a1"))
    assert read_texts(expect_everything_once(page, client, prompt.prompt_id)) == [long_text("a")]


def test_a_text_that_takes_longer_than_a_stream_may_last_is_there_once(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    text = unique_text()
    words = int(1.5 * STREAM_SECONDS / GAP_SECONDS)
    simulator.script_model({"text": long_text("a", words), "gap_s": GAP_SECONDS}, match=text)
    sign_in_as_user(page, stack.url, user_id)
    with page.expect_request("**/stream?*", timeout=3_000 * STREAM_SECONDS) as second:
        prompt_id = send_prompt(page, text)
    assert second.value.headers["last-event-id"] == "1"
    assert read_texts(expect_everything_once(page, client, prompt_id)) == [long_text("a", words)]


def test_a_stream_that_goes_on_where_nothing_is_left_ends(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    prompt = start_prompt(client, simulator, text_turn("All."))
    prompt.read_to_end()
    page.route("**/stream?*", lambda route: route.fulfill(status=204))
    sign_in_as_user(page, stack.url, user_id)
    with page.expect_response("**/stream?*"):
        open_screen(page, stack.url, f"prompts/{prompt.prompt_id}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/stream" in request.url else None)
    page.wait_for_timeout(2_500)
    assert asked == []


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
    decided = [wait_for_status(client, prompt.prompt_id, "completed", "waiting") for prompt in prompts]
    assert len(decided) == 3
    outcomes = [client.get(f"/prompts/{prompt.prompt_id}").json()["status"] for prompt in prompts]
    assert outcomes[0] == "waiting"
    errors = read_event_log(client, prompts[1].prompt_id)
    assert any("jarring aka bad" in event.text for event in errors)
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
        "UPDATE prompt_calls SET expires_at = clock_timestamp() + interval '6 seconds' WHERE prompt_id = %s",
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


def test_a_prompt_is_cancelled(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    text = unique_text()
    simulator.script_model({"text": long_text("a", 400), "gap_s": GAP_SECONDS}, match=text)
    sign_in_as_user(page, stack.url, user_id)
    prompt_id = send_prompt(page, text)
    expect(page.locator(".draft")).to_contain_text("a0 a1")
    page.get_by_role("button", name="Cancel prompt").click()
    expect(page.get_by_role("alert")).to_contain_text("The prompt was cancelled")
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel prompt")).to_be_hidden()
    assert client.get(f"/prompts/{prompt_id}").json()["status"] == "cancelled"


def test_a_credential_that_is_wrong_says_so(page: Page, stack: Stack) -> None:
    open_screen(page, stack.url, "approvals")
    page.get_by_label("User id").fill("a,b")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This credential is wrong")
    # One that was right once, as the stream finds out.
    kept = json.dumps({"services": None, "agent": {"bearer": "", "userId": "a,b"}})
    page.evaluate("kept => sessionStorage.setItem('pointsman.session', kept)", kept)
    page.goto(f"{stack.url}/console#/prompts/prompt-{'0' * 32}")
    page.reload()
    expect(page.get_by_text("The Agent credential is not accepted any more")).to_be_visible()
    expect(page.get_by_label("User id")).to_be_visible()


def test_the_prompt_of_somebody_else_is_an_error_with_its_code(
    page: Page, stack: Stack, simulator: SimulatorClient, other_agent: httpx.Client, user_id: str
) -> None:
    prompt = start_prompt(other_agent, simulator, text_turn("Mine."))
    prompt.read_to_end()
    sign_in_as_user(page, stack.url, user_id)
    open_screen(page, stack.url, f"prompts/{prompt.prompt_id}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("PROMPT_NOT_FOUND")
    expect(alert).to_contain_text(re.compile(r"request \S{8,}"))
    expect(page.get_by_text("Mine.")).to_be_hidden()


def test_a_refused_prompt_keeps_its_text_and_says_what_is_wrong(page: Page, stack: Stack, user_id: str) -> None:
    sign_in_as_user(page, stack.url, user_id)
    field = page.get_by_label("Prompt", exact=True)
    field.fill("x" * 100_001)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("VALIDATION_ERROR")
    assert len(field.input_value()) == 100_001


def test_a_stream_goes_on_after_the_database_was_gone_for_seconds(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    text = unique_text()
    simulator.script_model(
        {"text": long_text("a", 60), "calls": [TIME_CALL], "gap_s": GAP_SECONDS}, text_turn("The end."), match=text
    )
    sign_in_as_user(page, stack.url, user_id)
    prompt_id = send_prompt(page, text)
    expect(page.locator(".draft")).to_contain_text("a0 a1")
    outage = threading.Thread(target=restart_postgres, args=(stack, OUTAGE_SECONDS))
    outage.start()
    banner = page.get_by_text("The database does not answer.")
    expect(banner).to_be_visible()
    outage.join()
    expect(banner).to_be_hidden()
    expect(page.get_by_role("status")).to_have_text("Completed.", timeout=60_000)
    expect_everything_once(page, client, prompt_id)


def test_errors_and_files_of_tools_are_shown_and_nothing_of_them_is_markup(
    page: Page, stack: Stack, engine: EngineHarness
) -> None:
    markup = "<img src=x onerror=document.title='owned'><b>bold</b>"
    prompt_id = engine.submit_and_advance(
        {"text": markup, "calls": [tool_call("effects.file", "call_file"), tool_call("effects.raise", "call_raise")]},
        {"calls": [tool_call("effects.bump", "call_bump", name=markup[:20], by=12345678901234567890)]},
        {"text": "Done."},
        text=f"{unique_text()} {markup}",
    )
    sign_in_as_user(page, stack.url, engine.user_id)
    open_screen(page, stack.url, f"prompts/{prompt_id}")
    expect(page.get_by_role("status")).to_have_text("Completed.")
    transcript = transcript_of(page)
    assert page.locator(".file-output").all_inner_texts() == [
        "file\n/report.md\ntext/markdown\nThe report", "file\n/data.bin",
    ]  # fmt: skip
    expect(call_of(page, "effects.file")).to_contain_text("done")
    expect(call_of(page, "effects.file")).to_contain_text('"text":"written"')
    expect(call_of(page, "effects.raise")).to_contain_text("failed")
    expect(call_of(page, "effects.raise")).to_contain_text("the disk is full")
    expect(call_of(page, "effects.bump")).to_contain_text("12345678901234567890")
    assert transcript.locator(".said").all_inner_texts() == [markup, "Done."]
    assert page.locator("main img, main b").count() == 0
    assert "owned" not in page.title()


def test_conversations_are_listed_and_gone_on_with(
    page: Page, stack: Stack, simulator: SimulatorClient, client: httpx.Client, user_id: str
) -> None:
    first, second = unique_text("First"), unique_text("Second")
    simulator.script_model(text_turn("One."), match=first)
    simulator.script_model(text_turn("Two."), match=second)
    sign_in_as_user(page, stack.url, user_id)
    first_id = send_prompt(page, first, "A new one")
    expect(page.get_by_role("status")).to_have_text("Completed.")
    page.get_by_label("Prompt", exact=True).fill(second)
    page.get_by_label("Model", exact=True).select_option("high")
    page.get_by_role("button", name="Send").click()
    page.wait_for_function("first => !location.hash.endsWith(first)", arg=first_id)
    expect(page.get_by_role("status")).to_have_text("Completed.")
    expect(page.get_by_text("model high")).to_be_visible()
    earlier = page.get_by_role("region", name="Earlier in this conversation")
    earlier.get_by_text(first).click()
    expect(earlier).to_contain_text("One.")
    conversations = page.get_by_role("navigation", name="Conversations")
    conversations.get_by_role("link", name=re.compile(first)).click()
    table = page.get_by_role("region", name="Prompts")
    expect(table.get_by_role("link")).to_have_text([second, first])
    page.get_by_label("Status", exact=True).select_option("failed")
    expect(page.get_by_text("No prompt fits.")).to_be_visible()
    listed = client.get("/prompts").json()["prompts"]
    assert len({prompt["conversationId"] for prompt in listed}) == 1


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
