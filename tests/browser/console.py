"""The console as a person uses it: opening a screen, signing in, and what every screen has."""

from playwright.sync_api import Page, expect

from tests.harness.stack import API_KEY


def open_screen(page: Page, url: str, screen: str) -> None:
    """Open a screen by its address; the page is loaded once, then only the screen changes."""
    address = f"{url}/console#/{screen}"
    if page.url.startswith(f"{url}/console"):
        page.evaluate("address => { location.href = address }", address)
    else:
        page.goto(address)


def sign_in(page: Page, url: str, key: str = API_KEY, screen: str = "operations") -> None:
    """Sign in with a Services key, at a screen that needs one."""
    open_screen(page, url, screen)
    page.get_by_label("Services key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def sign_in_as_user(page: Page, url: str, user_id: str) -> None:
    """Sign in to the Agent API, which here takes a user id alone."""
    open_screen(page, url, "prompts")
    page.get_by_label("User id").fill(user_id)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
