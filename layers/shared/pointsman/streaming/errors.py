"""Failed invocations: Lambda's error object and the log record of an exception."""

import json
import sys
import traceback
from dataclasses import dataclass

__all__ = ["ErrorReport", "FunctionError"]

_OWN_PACKAGE = __name__.split(".", maxsplit=1)[0]


class FunctionError(Exception):
    """A failure other than an exception of the app. `error_type` is Lambda's `errorType`, e.g. `Runtime.Shutdown`."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(frozen=True)
class ErrorReport:
    """A failed invocation or initialization. `error_type` is Lambda's `errorType`."""

    error_type: str
    message: str
    stack_trace: tuple[str, ...] = ()

    @classmethod
    def from_exception(cls, error: BaseException) -> "ErrorReport":
        """Build a report. The messages of third-party exceptions are left out, since they may contain secrets."""
        error_type = error.error_type if isinstance(error, FunctionError) else type(error).__name__
        origin = type(error).__module__.split(".")[0]
        message = str(error) if origin == _OWN_PACKAGE or origin in sys.stdlib_module_names else ""
        return cls(error_type, message, tuple(traceback.format_tb(error.__traceback__)))

    def to_json(self) -> bytes:
        """Serialize to Lambda's error object."""
        error = {"errorType": self.error_type, "errorMessage": self.message, "stackTrace": self.stack_trace}
        return json.dumps(error).encode()

    def log(self) -> None:
        """Write one log record; its lines are joined by carriage returns, as in Lambda's Python runtime."""
        lines = "".join(self.stack_trace).rstrip("\n").replace("\n", "\r")
        headline = f"[ERROR] {self.error_type}: {self.message}".replace("\r", " ").replace("\n", "\r")
        sys.stdout.write(f"{headline}\rTraceback (most recent call last):\r{lines}\n" if lines else f"{headline}\n")
        sys.stdout.flush()
