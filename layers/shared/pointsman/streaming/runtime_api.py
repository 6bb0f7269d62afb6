"""The client of Lambda's Runtime API, but for streamed responses (`response`)."""

import json
from dataclasses import dataclass
from typing import Any, cast

from .errors import ErrorReport
from .http1 import send_request

__all__ = ["INVOCATION_PATH", "NextInvocation", "RuntimeApiClient", "RuntimeApiError"]

_BASE_PATH = "/2018-06-01/runtime"
INVOCATION_PATH = _BASE_PATH + "/invocation/"


class RuntimeApiError(Exception):
    """The Runtime API does not give invocations any more; the process must end."""


@dataclass(frozen=True)
class NextInvocation:
    """An invocation. `deadline_ms` is in milliseconds since 1970."""

    event: dict[str, Any]
    request_id: str
    deadline_ms: int
    function_arn: str
    trace_id: str


class RuntimeApiClient:
    """A client of the Runtime API at `address`, a `host:port`."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def get_next_invocation(self) -> NextInvocation:
        """Wait for the next invocation. Lambda may freeze the process meanwhile.

        Raises:
            RuntimeApiError: the response is not 200.
            OSError: no connection.
        """
        response = await send_request(self.address, "GET", INVOCATION_PATH + "next")
        if response.status != 200:
            raise RuntimeApiError(f"the Runtime API answers {response.status}")
        headers = response.headers
        event: object = json.loads(response.body)
        return NextInvocation(
            event=cast("dict[str, Any]", event) if isinstance(event, dict) else {},
            request_id=headers["lambda-runtime-aws-request-id"],
            deadline_ms=int(headers["lambda-runtime-deadline-ms"]),
            function_arn=headers.get("lambda-runtime-invoked-function-arn", ""),
            trace_id=headers.get("lambda-runtime-trace-id", ""),
        )

    async def report_error(self, request_id: str, report: ErrorReport) -> None:
        """Report that an invocation has failed before any byte of its response was sent."""
        await self._post_error(f"{INVOCATION_PATH}{request_id}/error", report)

    async def report_init_error(self, report: ErrorReport) -> None:
        """Report that the app cannot be loaded."""
        await self._post_error(_BASE_PATH + "/init/error", report)

    async def _post_error(self, path: str, report: ErrorReport) -> None:
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": report.error_type}
        await send_request(self.address, "POST", path, headers, report.to_json())
