"""Numbers of OpenRouter that no double holds, through the function of `/dashboard/credits`: they are unknown."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.harness.python_process import handle_sample_event

HUGE = "9" * 4000
NUMBERS = [HUGE, f"-{HUGE}", "9" * 310, "1e999", "-1e999", "NaN", "Infinity", "2.5", str(2**63), "1e308"]
NOTHING, KEPT = [None] * 7, [2.5, float(2**63), 1e308]


@contextmanager
def serve_account(total: str, used: str) -> Iterator[str]:
    """Serve an account with these credits, and a key for each of NUMBERS; yields the address."""
    fields = ("limit", "limit_remaining", "usage", "usage_daily")
    keys = ", ".join(
        f'{{"hash": "h{index}", "name": "k{index}", "created_at": "x", '
        + ", ".join(f'"{field}": {number}' for field in fields)
        + "}"
        for index, number in enumerate(NUMBERS)
    )
    bodies = {
        "credits": f'{{"data": {{"total_credits": {total}, "total_usage": {used}}}}}',
        "keys": f'{{"data": [{keys}]}}',
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            name = path.rstrip("/").rsplit("/", 1)[-1]
            is_end = "offset=" in query and "offset=0" not in query
            last = f'{{"data": [{keys[keys.rindex("{") :]}]}}'
            body = (last if name == "keys" and is_end else bodies[name]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_line: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.limit("spend-numbers")
@pytest.mark.parametrize(
    ("total", "used", "expected"),
    [
        (HUGE, "1", {"total": None, "used": 1.0, "remaining": None}),
        ("1", f"-{HUGE}", {"total": 1.0, "used": None, "remaining": None}),
        ("1e308", "-1e308", {"total": 1e308, "used": -1e308, "remaining": None}),
        ("1e999", "Infinity", {"total": None, "used": None, "remaining": None}),
        ("1e308", "0", {"total": 1e308, "used": 0.0, "remaining": 1e308}),
    ],
)
def test_a_number_that_no_double_holds_is_none(total: str, used: str, expected: dict[str, float | None]) -> None:
    with serve_account(total, used) as url:
        environment = {"OPENROUTER_API_URL": url, "OPENROUTER_MANAGEMENT_KEY": "key", "SERVICES_API_KEY": "k" * 40}
        response = handle_sample_event("services.dashboard_credits", environment)
    assert response["statusCode"] == 200, response["body"]
    body = json.loads(response["body"], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert body["credits"] == expected
    assert [key["usage"] for key in body["keys"]] == NOTHING + KEPT
    assert [key["limitRemaining"] for key in body["keys"]] == NOTHING + KEPT
