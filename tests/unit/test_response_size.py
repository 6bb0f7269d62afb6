"""Sizes of responses: as Lambda's Python runtime would write them."""

import asyncio
import json
from typing import Any

import pytest

from local.lambda_service.invocation import MAX_PAYLOAD_BYTES
from pointsman.errors import MAX_ISSUES, InvalidToolInput, PointsmanError, limit_issues
from pointsman.http.agent_api.errors import ERROR_FORMAT
from pointsman.http.lambda_adapter import adapt_asgi_app
from pointsman.response_size import MAX_PAGE_BYTES, MAX_RESPONSE_BYTES, count_fitting, measure_body, measure_value

HTTP_API_EVENT = {
    "version": "2.0", "routeKey": "GET /x", "rawPath": "/x", "rawQueryString": "", "headers": {},
    "requestContext": {"requestId": "r", "http": {"method": "GET", "path": "/x", "sourceIp": "127.0.0.1"}},
}  # fmt: skip


def answer_with(body: str, content_type: str = "application/json") -> dict[str, Any]:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", content_type.encode()), (b"x-kept", b"yes")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})

    # Mangum takes the thread's event loop, and would leave one of its own open.
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        return adapt_asgi_app(app, ERROR_FORMAT)(HTTP_API_EVENT, None)


def payload_size(response: dict[str, Any]) -> int:
    return len(json.dumps(response, ensure_ascii=False).encode())


def test_the_limit_is_that_of_the_local_lambda() -> None:
    assert MAX_RESPONSE_BYTES == MAX_PAYLOAD_BYTES


@pytest.mark.limit("response")
@pytest.mark.parametrize("character", ["x", '"', "\\", "é", "東", "\U0001f600", "\u0001"])
def test_a_response_over_the_limit_is_an_error_that_says_so(character: str) -> None:
    width = measure_body(character * 10) // 10
    allowed = MAX_RESPONSE_BYTES - 64 * 1024
    fits = answer_with(character * (allowed // width - 2))
    assert fits["statusCode"] == 200
    assert allowed - 100 < payload_size(fits) <= MAX_PAYLOAD_BYTES
    refused = answer_with(character * (allowed // width + 1))
    assert (refused["statusCode"], refused["headers"]["x-kept"]) == (500, "yes")
    error = json.loads(refused["body"])["error"]
    assert error["code"] == "RESPONSE_TOO_LARGE"
    assert f"{allowed} can be sent; ask for less of it" in error["message"]
    assert payload_size(refused) < 1000


@pytest.mark.limit("response")
def test_a_body_that_is_no_text_is_measured_as_base64() -> None:
    assert answer_with("x" * 4_600_000, "application/octet-stream")["statusCode"] == 200
    assert answer_with("x" * 4_800_000, "application/octet-stream")["statusCode"] == 500


def test_elements_are_counted_as_they_are_sent() -> None:
    assert measure_value({"a": '"'}) == len(json.dumps(json.dumps({"a": '"'})))
    element = "x" * 99_994
    assert measure_value(element) * 40 == MAX_PAGE_BYTES
    assert count_fitting([element] * 40) == count_fitting([element] * 41) == 40
    assert count_fitting([element] * 39 + [element + "x"]) == 39
    assert count_fitting(["x" * MAX_PAGE_BYTES, "y"]) == 1
    assert count_fitting(["x" * MAX_PAGE_BYTES], at_least=0) == 0
    assert count_fitting([]) == 0


@pytest.mark.limit("issues")
def test_of_many_issues_the_first_are_told_and_the_rest_counted() -> None:
    def make(count: int) -> list[Any]:
        return [{"path": [str(number)], "message": "wrong"} for number in range(count)]

    assert InvalidToolInput("x", make(MAX_ISSUES + 1)).issues == make(MAX_ISSUES + 1)
    limited = InvalidToolInput("x", make(100_000)).issues
    assert limited[:-1] == make(MAX_ISSUES)
    assert limited[-1] == {"path": [], "message": "… and 99980 more"}
    assert limit_issues(limited) == limited


@pytest.mark.limit("issues")
def test_paths_and_messages_of_issues_are_bounded() -> None:
    long: Any = {"path": ["k" * 500_000, *range(1000)], "message": "m" * 500_000}
    limited = limit_issues([long] * 1000)
    assert len(json.dumps(limited)) < 20_000
    assert len(limited[0]["path"]) == 20
    assert limit_issues(limited) == limited


def test_errors_keep_their_own_details() -> None:
    error = PointsmanError("x", details={"a": 1})
    assert ERROR_FORMAT.make_body(error, None)["error"]["details"] == {"a": 1}
