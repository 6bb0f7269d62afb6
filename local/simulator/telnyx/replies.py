"""Responses and validation shared by Telnyx's endpoints: envelope, pages, strict parameters and bodies."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from local.simulator.config import TelnyxConfig
from local.simulator.http.messages import ApiCall, FieldTypes, Obj, Reply, find_body_errors, find_query_errors
from local.simulator.http.provider_errors import ErrorDetails, telnyx_error

PAGE_PARAMS = ("page[number]", "page[size]")
Item = TypeVar("Item")


def error_reply(status: int, code: str, message: str | None = None, pointer: str | None = None) -> Reply:
    """Render an error with a Telnyx code; `pointer` is a JSON pointer into the request body."""
    return telnyx_error(ErrorDetails(status, message, code), pointer)


def not_found_reply() -> Reply:
    """Render Telnyx's 404."""
    return telnyx_error(ErrorDetails(404))


def validate_query(call: ApiCall, allowed: Iterable[str]) -> Reply | None:
    """Return a 400 (10015) for the first query parameter that the endpoint does not have."""
    for name, message in find_query_errors(call.query_params, allowed):
        return error_reply(400, "10015", f"{name} {message}")
    return None


def validate_body(call: ApiCall, field_types: FieldTypes, required: Iterable[str] = ()) -> Reply | None:
    """Return a 422 (10027) for the first missing, unknown or mistyped field of the body."""
    for field, message in find_body_errors(call.body, field_types, required):
        return error_reply(422, "10027", f"{field} {message}", f"/{field}")
    return None


def page_reply(call: ApiCall, settings: TelnyxConfig, items: Sequence[Item], serialize: Callable[[Item], Obj]) -> Reply:
    """Render one page of `items`, which are newest first, with totals in `meta`."""
    number, size = call.param("page[number]") or "1", call.param("page[size]") or str(settings.page_default)
    if not number.isdecimal() or int(number) < 1 or not size.isdecimal() or not 1 <= int(size) <= settings.page_max:
        return error_reply(400, "10015", f"page[number] starts at 1 and page[size] is at most {settings.page_max}")
    start = (int(number) - 1) * int(size)
    meta = {
        "page_number": int(number), "page_size": int(size), "total_results": len(items),
        "total_pages": (len(items) + int(size) - 1) // int(size),
    }  # fmt: skip
    return Reply(200, {"data": [serialize(item) for item in items[start : start + int(size)]], "meta": meta})
