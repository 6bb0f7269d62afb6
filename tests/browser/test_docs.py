"""The documentation in headless Chromium: it lists every operation, sends a request, and contacts no other host."""

import re
from urllib.parse import unquote

import httpx
import pytest
from playwright.sync_api import expect

from local.stack.stack import Stack
from tests.browser.page_visit import PageVisit

pytestmark = pytest.mark.browser


def test_page_lists_every_operation(stack: Stack, visit: PageVisit) -> None:
    response = httpx.get(f"{stack.url}/api/openapi.json", timeout=60, verify=False)
    operations = {(method.upper(), path) for path, methods in response.json()["paths"].items() for method in methods}
    page = visit.page
    page.goto(f"{stack.url}/api/docs")
    page.locator("a[href$='/GET/healthz']").first.wait_for(state="attached")
    links = page.locator("a[href^='#tag/']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    listed = {match.groups() for link in links if (match := re.fullmatch(r"#tag/[^/]+/([A-Z]+)(/.*)", unquote(link)))}
    assert listed == operations


def test_request_sent_from_the_page_succeeds(stack: Stack, visit: PageVisit) -> None:
    page = visit.page
    page.goto(f"{stack.url}/api/docs#tag/time/POST/api/tools/time.now/invoke")
    page.get_by_role("button", name="Test Request (post /api/tools/time.now/invoke)").click()
    client = page.get_by_role("dialog")
    client.locator("input").and_(client.get_by_label("Value", exact=True)).fill("user-of-the-browser")
    with page.expect_response(f"{stack.url}/api/tools/time.now/invoke") as response_info:
        client.get_by_role("button", name="Send").first.click()
    response = response_info.value
    assert (response.status, response.request.headers["x-user-id"]) == (200, "user-of-the-browser")
    result = response.json()["result"]
    assert result["timezone"] == "UTC"
    expect(client).to_contain_text("200 OK")
    expect(client).to_contain_text(result["now"])
