"""A page of the browser with all of its requests, and the errors that the browser reported."""

from playwright.sync_api import ConsoleMessage, Page, Request


class PageVisit:
    """Records what a page requests and what the browser reports about it.

    Args:
        page: a page that was not opened yet.
        tolerates_refusals: whether an HTTP error is no error of the page, since a screen shows it.
    """

    def __init__(self, page: Page, tolerates_refusals: bool = False) -> None:
        self.page = page
        self.requests: list[Request] = []
        self.console_errors: list[str] = []
        self._tolerates_refusals = tolerates_refusals
        page.on("request", self._record_request)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        page.on("console", self._record_console_line)

    def expect_no_other_host(self, url: str) -> None:
        """Assert that every request went to `url`, or stayed in the browser."""
        requested = {request.url for request in self.requests}
        assert [one for one in requested if not one.startswith((f"{url}/", "data:", "blob:"))] == []

    def _record_request(self, request: Request) -> None:
        self.requests.append(request)

    def _record_console_line(self, line: ConsoleMessage) -> None:
        if self._tolerates_refusals and line.text.startswith("Failed to load resource:"):
            return
        if line.type in ("error", "warning"):
            self.console_errors.append(line.text)
