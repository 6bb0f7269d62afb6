"""Lambda's Runtime API: the next invocation, an error, an error at the start."""

import json
from dataclasses import dataclass
from typing import Any, cast

from .failure import Failure
from .wire import request

__all__ = ["INVOCATION", "Invocation", "RuntimeApi", "RuntimeApiFailed"]

_VERSION = "/2018-06-01/runtime"
INVOCATION = _VERSION + "/invocation/"


class RuntimeApiFailed(Exception):
    """The Runtime API refuses to go on; only a new process helps."""


@dataclass(frozen=True)
class Invocation:
    """One event; the deadline in milliseconds since 1970."""

    event: dict[str, Any]
    request_id: str
    deadline_ms: int
    arn: str
    trace_id: str


class RuntimeApi:
    """The Runtime API at `host:port`."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def next(self) -> Invocation:
        """Wait for an event; the sandbox may be frozen meanwhile.

        Raises:
            RuntimeApiFailed: there will be none.
            OSError: the Runtime API is gone.
        """
        answer = await request(self.address, "GET", INVOCATION + "next")
        if answer.status != 200:
            raise RuntimeApiFailed(f"the Runtime API answers {answer.status}")
        headers = answer.headers
        event: object = json.loads(answer.body)
        return Invocation(
            event=cast("dict[str, Any]", event) if isinstance(event, dict) else {},
            request_id=headers["lambda-runtime-aws-request-id"],
            deadline_ms=int(headers["lambda-runtime-deadline-ms"]),
            arn=headers.get("lambda-runtime-invoked-function-arn", ""),
            trace_id=headers.get("lambda-runtime-trace-id", ""),
        )

    async def report(self, request_id: str, failure: Failure) -> None:
        """Fail an invocation of which no byte was sent yet."""
        await self._report(f"{INVOCATION}{request_id}/error", failure)

    async def report_start(self, failure: Failure) -> None:
        """Say why there is no app to run."""
        await self._report(_VERSION + "/init/error", failure)

    async def _report(self, path: str, failure: Failure) -> None:
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": failure.kind}
        await request(self.address, "POST", path, headers, failure.json())
