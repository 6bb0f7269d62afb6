"""What the program's exit code says to a script."""

from enum import IntEnum

from pointsman_client import OperationFailed, PointsmanError, WaitTimeout

__all__ = ["CommandError", "ExitCode", "get_exit_code"]


class ExitCode(IntEnum):
    """The exit codes; clients/cli/README.md lists them. 130 is an interrupt."""

    SUCCESS = 0
    FAILURE = 1
    USAGE = 2
    CREDENTIAL_REFUSED = 3
    NOT_FOUND = 4
    OPERATION_FAILED = 5
    TIMEOUT = 6
    NEEDS_APPROVAL = 7
    INTERRUPTED = 130


class CommandError(Exception):
    """What the program itself refuses or finds.

    Args:
        message: a sentence for people.
        exit_code: of the program.
    """

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILURE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def get_exit_code(error: PointsmanError) -> ExitCode:
    """Return the exit code for an error of the client."""
    if isinstance(error, OperationFailed):
        return ExitCode.OPERATION_FAILED
    if isinstance(error, WaitTimeout):
        return ExitCode.TIMEOUT
    if error.code == "APPROVAL_REQUIRED":
        return ExitCode.NEEDS_APPROVAL
    by_status = {401: ExitCode.CREDENTIAL_REFUSED, 403: ExitCode.CREDENTIAL_REFUSED, 404: ExitCode.NOT_FOUND}
    return by_status.get(error.status or 0, ExitCode.FAILURE)
