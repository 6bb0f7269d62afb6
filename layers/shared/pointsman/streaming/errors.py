"""An exception in Lambda's words: the error object that the Runtime API takes, and the line in the log."""

import json
import sys
import traceback
from dataclasses import dataclass

__all__ = ["ErrorReport", "FunctionError"]

_OWN_PACKAGE = __name__.split(".", maxsplit=1)[0]


class FunctionError(Exception):
    """What an app did wrong without raising; `kind` is Lambda's errorType."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(frozen=True)
class ErrorReport:
    """A failed invocation or start: `kind` is Lambda's errorType."""

    error_type: str
    message: str
    stack_trace: tuple[str, ...] = ()

    @classmethod
    def from_exception(cls, error: BaseException) -> "ErrorReport":
        """From an exception. Of foreign libraries' exceptions only the class is told: their text can hold secrets."""
        error_type = error.error_type if isinstance(error, FunctionError) else type(error).__name__
        origin = type(error).__module__.split(".")[0]
        message = str(error) if origin == _OWN_PACKAGE or origin in sys.stdlib_module_names else ""
        return cls(error_type, message, tuple(traceback.format_tb(error.__traceback__)))

    def to_json(self) -> bytes:
        """Lambda's error object."""
        error = {"errorType": self.error_type, "errorMessage": self.message, "stackTrace": self.stack_trace}
        return json.dumps(error).encode()

    def log(self) -> None:
        """Write one record to the log, its lines joined by carriage returns as Lambda's own runtime does."""
        lines = "".join(self.stack_trace).rstrip("\n").replace("\n", "\r")
        headline = f"[ERROR] {self.error_type}: {self.message}".replace("\r", " ").replace("\n", "\r")
        sys.stdout.write(f"{headline}\rTraceback (most recent call last):\r{lines}\n" if lines else f"{headline}\n")
        sys.stdout.flush()
