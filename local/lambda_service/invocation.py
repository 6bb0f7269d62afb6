"""An invocation of a function and its result, in the shapes of Lambda's API."""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field

from local.json_values import mapping_or_empty
from local.lambda_service.response_stream import ResponseStream

MAX_PAYLOAD_BYTES = 6_291_556
"""Lambda's limit on a synchronous request and on its response (Lambda quotas)."""


@dataclass(frozen=True)
class InvocationResult:
    """The result of an invocation.

    Args:
        payload: The response in JSON; Lambda's error object if the function failed.
        error: `Unhandled` if the function failed, else None.
        request_id: Lambda's request id.
    """

    payload: bytes
    error: str | None
    request_id: str

    @property
    def error_type(self) -> str:
        """The errorType of a failed invocation, else an empty string."""
        return self._read_error_field("errorType")

    @property
    def error_message(self) -> str:
        """The errorMessage of a failed invocation, else an empty string."""
        return self._read_error_field("errorMessage")

    def _read_error_field(self, name: str) -> str:
        if self.error is None:
            return ""
        try:
            return str(mapping_or_empty(json.loads(self.payload)).get(name, ""))
        except ValueError:
            return ""


@dataclass
class Invocation:
    """One event for one function.

    Args:
        payload: The event in JSON.
        function_arn: ARN of the function.
        timeout: Seconds that the function may run, counted from when a worker takes the event.
        request_id: Lambda's request id.
        result: Completes with the result.
        deadline: Epoch seconds; 0 until a worker takes the event.
        response_stream: Receives the response while the function runs; None for a caller who wants it whole.
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
        """Set the deadline, now that a worker takes the event."""
        self.deadline = time.time() + self.timeout

    @property
    def trace_id(self) -> str:
        """An X-Ray trace header that is not sampled."""
        digits = self.request_id.replace("-", "")
        return f"Root=1-{int(self.deadline or time.time()):08x}-{digits[:24]};Parent={digits[:16]};Sampled=0"

    def succeed(self, payload: bytes) -> None:
        """Complete with the function's response; ignored if the invocation is complete already."""
        if len(payload) > MAX_PAYLOAD_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
            self.fail_with("Function.ResponseSizeTooLarge", message)
            return
        self._complete(InvocationResult(payload, None, self.request_id))

    def fail(self, payload: bytes) -> None:
        """Complete with an error object that the runtime client sent; ignored if complete already."""
        self._complete(InvocationResult(payload, "Unhandled", self.request_id))

    def fail_with(self, error_type: str, message: str) -> None:
        """Complete with an error of Lambda's own, such as `Sandbox.Timedout`; ignored if complete already."""
        self.fail(encode_error(error_type, message))

    def _complete(self, result: InvocationResult) -> None:
        if not self.result.done():
            self.result.set_result(result)
            if self.response_stream is not None:
                self.response_stream.end(b"" if result.error else result.payload, failed=result.error is not None)


def encode_error(error_type: str, message: str) -> bytes:
    """Encode Lambda's error object as JSON."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()
