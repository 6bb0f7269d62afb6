"""What goes into a function and what comes out of it, in Lambda's own terms."""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field

from local.lambda_service.response_stream import ResponseStream

# Lambda's limit on a synchronous request and on its answer, in bytes.
MAX_PAYLOAD_BYTES = 6_291_556


@dataclass(frozen=True)
class InvocationResult:
    """One finished invocation.

    Args:
        payload: the answer, or Lambda's error object, as JSON.
        error: None, or `Unhandled` when the function failed.
        request_id: Lambda's request id.
    """

    payload: bytes
    error: str | None
    request_id: str

    @property
    def error_type(self) -> str:
        """The errorType of a failed invocation, else an empty string."""
        if self.error is None:
            return ""
        try:
            return str(json.loads(self.payload).get("errorType", ""))
        except (ValueError, AttributeError):
            return ""

    @property
    def error_message(self) -> str:
        """The errorMessage of a failed invocation, else an empty string."""
        if self.error is None:
            return ""
        try:
            return str(json.loads(self.payload).get("errorMessage", ""))
        except (ValueError, AttributeError):
            return ""


@dataclass
class Invocation:
    """One event on its way through one worker; `deadline` in epoch seconds once a worker has it.

    Args:
        stream: where a caller who wants the answer as it comes reads it; None: it is wanted whole.
    """

    payload: bytes
    function_arn: str
    timeout: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: "asyncio.Future[InvocationResult]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    deadline: float = 0.0
    response_stream: ResponseStream | None = None

    def start_timeout(self) -> None:
        """Start the clock: the event is handed over now."""
        self.deadline = time.time() + self.timeout

    @property
    def trace_id(self) -> str:
        """An X-Ray header that asks for no trace."""
        digits = self.request_id.replace("-", "")
        return f"Root=1-{int(self.deadline or time.time()):08x}-{digits[:24]};Parent={digits[:16]};Sampled=0"

    def succeed(self, payload: bytes) -> None:
        """Settle with the function's answer; a second settlement is ignored."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
            self.fail_with("Function.ResponseSizeTooLarge", message)
            return
        self._settle(InvocationResult(payload, None, self.request_id))

    def fail(self, payload: bytes) -> None:
        """Settle with the error object that the runtime client sent."""
        self._settle(InvocationResult(payload, "Unhandled", self.request_id))

    def fail_with(self, error_type: str, message: str) -> None:
        """Settle with an error of Lambda's own, such as Sandbox.Timedout."""
        self.fail(json.dumps({"errorType": error_type, "errorMessage": message}).encode())

    def _settle(self, result: InvocationResult) -> None:
        if not self.result.done():
            self.result.set_result(result)
            if self.response_stream is not None:
                self.response_stream.end(b"" if result.error else result.payload, failed=result.error is not None)
