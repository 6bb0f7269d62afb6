"""The documentation in headless Chromium: it lists every operation, sends a request, and contacts no other host."""

import re
import shutil
from collections.abc import Iterator
from urllib.parse import unquote

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from local.stack.stack import Stack

pytestmark = pytest.mark.browser

CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    path = next(found, None)
    assert path, "Chromium is not installed; on Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


class PageVisit:
    """A page with all of its requests, and the errors that the browser reported."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[Request] = []
        self.console_errors: list[str] = []
        page.on("request", self._record_request)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        page.on("console", self._record_console_line)

    def _record_request(self, request: Request) -> None:
        self.requests.append(request)

    def _record_console_line(self, line: ConsoleMessage) -> None:
        if line.type in ("error", "warning"):
            self.console_errors.append(line.text)


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[PageVisit]:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(TIMEOUT_MS)
    visit = PageVisit(page)
    yield visit
    page.close()
    others = [
        request.url for request in visit.requests if not request.url.startswith((f"{stack.url}/", "data:", "blob:"))
    ]
    assert others == []
    assert visit.console_errors == []


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
