"""Chromium, a stack with both keys of the Services API, and pages whose requests and errors are recorded."""

import shutil
from collections.abc import Callable, Iterator
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.agent.loop import model_turn
from tests.browser.page_visit import PageVisit
from tests.harness.clients import agent_client
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.ids import unique_id
from tests.harness.stack import NO_QUOTAS, NOT_PREWARMED, SHORT_TIMEOUTS, start_stack
from tests.harness.step_functions import create_idle_state_machine
from tests.prompts.engine_harness import EngineHarness

READ_KEY = "test-services-read-key"
TIMEOUT_MS = 20_000
STREAM_SECONDS = 16
"""After these the stack ends a stream, and whoever reads it has to come back."""
CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def find_chromium() -> str:
    """Return the path of the installed Chromium."""
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    path = next(found, None)
    assert path, "Chromium is not installed; on Debian: apt-get install chromium"
    return path


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The bundle of this checkout as for other tests, with a key that can only read, and streams that end early."""
    changes = {**SHORT_TIMEOUTS, "SERVICES_READ_API_KEY": READ_KEY, "STREAM_MAX_SECONDS": str(STREAM_SECONDS)}
    with start_stack(tmp_path_factory.mktemp("stack"), **changes) as running:
        running.prewarm(name for name in running.status()["functions"] if name not in NOT_PREWARMED)
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[PageVisit]:
    """A page that may contact the stack only, and may not report an error."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(TIMEOUT_MS)
    visit = PageVisit(page)
    yield visit
    page.close()
    visit.expect_no_other_host(stack.url)
    assert visit.console_errors == []


@pytest.fixture
def open_page(browser: Browser, stack: Stack) -> Iterator[Callable[..., Page]]:
    """Open a tab of the console, whose policy is never violated, and which contacts no other host."""
    visits: list[PageVisit] = []

    def open_page(width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Page:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        visits.append(PageVisit(page, tolerates_refusals=True))
        return page

    yield open_page
    for visit in visits:
        visit.page.close()
    for visit in visits:
        visit.expect_no_other_host(stack.url)
        assert visit.console_errors == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


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
