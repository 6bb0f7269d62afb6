"""The protocol of CloudFormation's custom resources, for the resource that migrates the databases at a deployment.

CloudFormation waits for a PUT to the event's pre-signed ResponseURL, and for nothing else: an exception, or a function
that runs out of time, leaves the stack waiting until the resource's ServiceTimeout. The source is "Custom resource
request objects" and "response objects" in CloudFormation's guide. The URL is a credential and is never logged.
"""

import json
import signal
import time
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from .. import log
from ..errors import InvalidInput, PointsmanError

__all__ = ["RESPONSE_MARGIN_SECONDS", "ResponseNotDelivered", "handle_custom_resource", "is_custom_resource_event"]

PHYSICAL_ID = "schema"
"""The same at every deployment: another one would make CloudFormation delete what it takes for the former resource."""

RESPONSE_MARGIN_SECONDS = 45.0
"""How long before Lambda's deadline the work is broken off: time for all attempts at answering."""

_ATTEMPTS = 4
_TIMEOUT_SECONDS = 8.0
_MAX_REASON_CHARS = 900
"""CloudFormation takes a response of at most 4096 bytes; a character has at most 4."""

Event = Mapping[str, Any]
Work = Callable[[], Mapping[str, object]]


class ResponseNotDelivered(Exception):
    """CloudFormation did not take the response. Lambda then runs the event again, which answers again."""


class _OutOfTime(BaseException):
    """Raised in the work shortly before Lambda's deadline; a BaseException, so that the work does not handle it."""


def is_custom_resource_event(event: Event) -> bool:
    """Return whether an event comes from CloudFormation, and not from a person or the local runner."""
    return "RequestType" in event


def handle_custom_resource(event: Event, context: Any, work: Work) -> None:
    """Do the work of a create or update, and tell CloudFormation its outcome, whatever it is.

    Nothing is done for a delete, nor for an update to an older release, which only the rollback of a deployment asks
    for: the schema is never taken back, and code of the older release runs on the newer one.

    Args:
        event: CloudFormation's event. `ResourceProperties.Release` is a number that grows with each deployment.
        context: Lambda's context, which knows the deadline.
        work: does what the resource stands for; its result is logged. It runs in the main thread.

    Raises:
        ResponseNotDelivered: all attempts at answering failed.
    """
    if event["RequestType"] == "Delete":
        reason = "Deleting the resource leaves the databases as they are"
    elif _is_rollback(event):
        reason = "This takes a deployment back: the schema stays, the older release runs on it"
    else:
        status, reason = _attempt(work, context)
        return _respond(event, status, reason)
    log.write("info", "custom resource unchanged", request_type=event["RequestType"], reason=reason)
    return _respond(event, "SUCCESS", reason)


def _is_rollback(event: Event) -> bool:
    new, old = (_read_release(event.get(key)) for key in ("ResourceProperties", "OldResourceProperties"))
    return event["RequestType"] == "Update" and new < old


def _read_release(properties: Mapping[str, Any] | None) -> int:
    """Return the release's number; 0 for a deployment that gave none."""
    text = str((properties or {}).get("Release") or "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _attempt(work: Work, context: Any) -> tuple[str, str]:
    """Return the response's status and reason."""
    seconds = context.get_remaining_time_in_millis() / 1000 - RESPONSE_MARGIN_SECONDS
    try:
        with _time_limit(seconds):
            result = work()
    except _OutOfTime:
        log.write("error", "custom resource ran out of time")
        return "FAILED", (
            "The migration ran out of time and was rolled back. Look for what locks tables of the services database"
            " (pg_stat_activity), or raise the function's Timeout and the resource's ServiceTimeout; then deploy again"
        )
    except PointsmanError as error:
        log.write("error", "custom resource failed", code=error.code, reason=error.message)
        return "FAILED", f"{error.message}. Correct it and deploy again; docs/migrate.md"
    except Exception as error:  # noqa: BLE001 - CloudFormation must get an answer after any error
        place = "".join(traceback.format_tb(error.__traceback__))
        log.write("error", "custom resource failed", error=type(error).__name__, place=place)
        return "FAILED", f"Unexpected {type(error).__name__}; the function's log of this request tells where"
    log.write("info", "custom resource done", result=dict(result))
    return "SUCCESS", "The databases are up to date"


@contextmanager
def _time_limit(seconds: float) -> Generator[None]:
    """Raise _OutOfTime in the block after so many seconds, by SIGALRM: only a signal interrupts a wait for a lock.

    Raises:
        _OutOfTime: the time is over.
    """
    if seconds <= 0:
        raise _OutOfTime

    def interrupt(_signal: int, _frame: object) -> None:
        raise _OutOfTime

    previous_handler = signal.signal(signal.SIGALRM, interrupt)
    previous_delay, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, previous_delay)
        signal.signal(signal.SIGALRM, previous_handler)


def _respond(event: Event, status: str, reason: str) -> None:
    body = {
        "Status": status,
        "Reason": reason[:_MAX_REASON_CHARS],
        "PhysicalResourceId": event.get("PhysicalResourceId") or PHYSICAL_ID,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # S3 signed the URL for a request without a content type; urllib would add one.
    request = Request(  # noqa: S310 - checked
        _check_url(str(event["ResponseURL"])), json.dumps(body).encode(), {"Content-Type": ""}, method="PUT"
    )
    # Plain http is a stand-in on the loopback interface: a proxy of the environment must not be used.
    opener = build_opener(ProxyHandler({})) if request.type == "http" else build_opener()
    problem = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(2 ** (attempt - 1) / 2)
        try:
            with opener.open(request, timeout=_TIMEOUT_SECONDS):
                return
        except HTTPError as error:
            error.close()
            problem = f"HTTP status {error.code}"
        except (OSError, HTTPException) as error:
            problem = type(error).__name__
        log.write("warning", "CloudFormation's response address did not take the response", problem=problem)
    raise ResponseNotDelivered(
        f"CloudFormation got no response ({problem}). In a VPC the function needs a way to Amazon S3: a NAT gateway, or"
        " a gateway endpoint"
    )


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "127.0.0.1"):
        return url
    raise InvalidInput("The event's ResponseURL has to be an https address")
