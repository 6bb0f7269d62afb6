"""The playground in headless Chromium against the whole stack."""

import json
import re
import threading

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.browser.conftest import STREAM_SECONDS
from tests.browser.console import open_screen, sign_in_as_user
from tests.browser.playground import (
    call_of,
    expect_everything_once,
    long_text,
    read_texts,
    send_prompt,
    transcript_of,
)
from tests.harness.database import restart_postgres
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.prompt_stream import post_prompt, start_prompt, text_turn, unique_text
from tests.prompts.sample_agent import tool_call

pytestmark = pytest.mark.browser

OUTAGE_SECONDS = 5
GAP_SECONDS = 0.15
"""Between two deltas of a text, so that much can happen meanwhile."""

TIME_CALL = {"name": "time.now", "call_id": "call_time", "arguments": {}}


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
    sign_in_as_user(page, stack.url, user_id)
    text = unique_text()
    broken = {"breaks": "dropped", "break_after": int(8 / GAP_SECONDS)}
    simulator.script_model({"text": long_text("a", 60), "gap_s": GAP_SECONDS, **broken}, match=text)
    prompt = post_prompt(client, text, stream="tokens")
    prompt.read_until_event("prompt.created")
    prompt.close()
    stale = f'event: prompt.delta\ndata: {{"promptId":"{prompt.prompt_id}","text":"a0 and then"}}\n\n'
    first = bytes(prompt.raw).decode().partition("event: prompt.delta")[0] + stale
    page.route("**/stream?*", lambda route: route.fulfill(content_type="text/event-stream", body=first), times=1)
    open_screen(page, stack.url, f"prompts/{prompt.prompt_id}")
    draft = page.locator(".draft")
    expect(draft).to_have_text("a0 and then")
    expect(draft).to_have_text(re.compile("^a0 a1"))
    assert read_texts(expect_everything_once(page, client, prompt.prompt_id)) == [long_text("a", 60)]


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
