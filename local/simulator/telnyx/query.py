"""What Telnyx's endpoints share: the envelope, pages, and strict reading of parameters and bodies."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from local.simulator.config import TelnyxConfig
from local.simulator.shape import Failure, telnyx_failure
from local.simulator.wire import Call, Obj, Reply, Spec, body_problems, query_problems

PAGE = ("page[number]", "page[size]")
Item = TypeVar("Item")


def refused(status: int, code: str, message: str | None = None, pointer: str | None = None) -> Reply:
    return telnyx_failure(Failure(status, message, code), pointer)


def missing() -> Reply:
    return telnyx_failure(Failure(404))


def bad_query(call: Call, allowed: Iterable[str]) -> Reply | None:
    """The refusal of a request with a parameter that the endpoint does not have."""
    for name, message in query_problems(call.query, allowed):
        return refused(400, "10015", f"{name} {message}")
    return None


def bad_body(call: Call, spec: Spec, required: Iterable[str] = ()) -> Reply | None:
    for field, message in body_problems(call.body, spec, required):
        return refused(422, "10027", f"{field} {message}", f"/{field}")
    return None


def page(call: Call, settings: TelnyxConfig, found: Sequence[Item], shown: Callable[[Item], Obj]) -> Reply:
    """One page of a list, newest first as `found` is, with totals in `meta`."""
    number, size = call.param("page[number]") or "1", call.param("page[size]") or str(settings.page_default)
    if not number.isdecimal() or int(number) < 1 or not size.isdecimal() or not 1 <= int(size) <= settings.page_max:
        return refused(400, "10015", f"page[number] starts at 1 and page[size] is at most {settings.page_max}")
    start = (int(number) - 1) * int(size)
    meta = {
        "page_number": int(number), "page_size": int(size), "total_results": len(found),
        "total_pages": (len(found) + int(size) - 1) // int(size),
    }  # fmt: skip
    return Reply(200, {"data": [shown(item) for item in found[start : start + int(size)]], "meta": meta})
