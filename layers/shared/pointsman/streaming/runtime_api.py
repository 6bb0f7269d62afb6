"""Lambda's Runtime API: the next invocation, an error, an error at the start."""

import json
from dataclasses import dataclass
from typing import Any, cast

from .errors import ErrorReport
from .http1 import send_request

__all__ = ["INVOCATION_PATH", "NextInvocation", "RuntimeApiClient", "RuntimeApiError"]

_BASE_PATH = "/2018-06-01/runtime"
INVOCATION_PATH = _BASE_PATH + "/invocation/"


class RuntimeApiError(Exception):
    """The Runtime API refuses to go on; only a new process helps."""


@dataclass(frozen=True)
class NextInvocation:
    """One event; the deadline in milliseconds since 1970."""

    event: dict[str, Any]
    request_id: str
    deadline_ms: int
    function_arn: str
    trace_id: str


class RuntimeApiClient:
    """The Runtime API at `host:port`."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def get_next_invocation(self) -> NextInvocation:
        """Wait for an event; the sandbox may be frozen meanwhile.

        Raises:
            RuntimeApiFailed: there will be none.
            OSError: the Runtime API is gone.
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
        """Fail an invocation of which no byte was sent yet."""
        await self._post_error(f"{INVOCATION_PATH}{request_id}/error", report)

    async def report_init_error(self, report: ErrorReport) -> None:
        """Say why there is no app to run."""
        await self._post_error(_BASE_PATH + "/init/error", report)

    async def _post_error(self, path: str, report: ErrorReport) -> None:
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": report.error_type}
        await send_request(self.address, "POST", path, headers, report.to_json())
