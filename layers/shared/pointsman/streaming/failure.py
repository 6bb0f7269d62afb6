"""An exception in Lambda's words: the error object that the Runtime API takes, and the line in the log."""

import json
import sys
import traceback
from dataclasses import dataclass

__all__ = ["AppFailure", "Failure"]

_OURS = __name__.split(".", maxsplit=1)[0]


class AppFailure(Exception):
    """What an app did wrong without raising; `kind` is Lambda's errorType."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Failure:
    """A failed invocation or start: `kind` is Lambda's errorType."""

    kind: str
    message: str
    trace: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """From an exception. Of foreign libraries' exceptions only the class is told: their text can hold secrets."""
        kind = error.kind if isinstance(error, AppFailure) else type(error).__name__
        origin = type(error).__module__.split(".")[0]
        message = str(error) if origin == _OURS or origin in sys.stdlib_module_names else ""
        return cls(kind, message, tuple(traceback.format_tb(error.__traceback__)))

    def json(self) -> bytes:
        """Lambda's error object."""
        error = {"errorType": self.kind, "errorMessage": self.message, "stackTrace": self.trace}
        return json.dumps(error).encode()

    def log(self) -> None:
        """Write one record to the log, its lines joined by carriage returns as Lambda's own runtime does."""
        lines = "".join(self.trace).rstrip("\n").replace("\n", "\r")
        told = f"[ERROR] {self.kind}: {self.message}".replace("\r", " ").replace("\n", "\r")
        sys.stdout.write(f"{told}\rTraceback (most recent call last):\r{lines}\n" if lines else f"{told}\n")
        sys.stdout.flush()
