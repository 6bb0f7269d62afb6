"""The playground as a person uses it, and its text beside the event log of the API."""

import json
import re

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.prompts.prompt_stream import PromptStream
from tests.prompts.sse_readers import Message


def long_text(name: str, words: int = 40) -> str:
    """A text of numbered words, so that a lost or doubled one shows."""
    return " ".join(f"{name}{number}" for number in range(words))


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
