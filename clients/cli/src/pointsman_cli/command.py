"""How a command is run: its session, the options that all have, and an exit code for each error."""

import inspect
import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from pointsman_client import OperationFailed, PointsmanError

from .exit_codes import CommandError, ExitCode, get_exit_code
from .output import Output
from .session import Session
from .steps import describe_failure

__all__ = ["LimitOption", "TimeoutOption", "YesOption", "add_command"]

P = ParamSpec("P")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON: one document, or one on each line for a stream.")]
ProfileOption = Annotated[str | None, typer.Option("--profile", "-p", help="The profile to use.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="Print at most so many.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait; what runs goes on then.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_COMMON_PARAMETERS = (
    inspect.Parameter("json_output", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption),
    inspect.Parameter("profile_name", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ProfileOption),
)


def add_command(
    group: typer.Typer, name: str
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Add a function as a command that has `--json` and `--profile` besides its own parameters.

    Args:
        group: where it is added.
        name: of the command.
    """

    def decorate(function: Callable[Concatenate[Session, P], None]) -> Callable[Concatenate[Session, P], None]:
        @wraps(function)
        def run(json_output: bool, profile_name: str | None, **arguments: Any) -> None:
            session = Session(json_output, profile_name)
            try:
                function(session, **arguments)  # pyright: ignore[reportCallIssue]
            except Exception as error:
                code = _report(session.output, error)
                if code is None:
                    raise
                raise typer.Exit(code) from None
            finally:
                session.close()

        signature = inspect.signature(function, eval_str=True)
        own = [*signature.parameters.values()][1:]
        # Typer reads it; by their type functions have no such attribute.
        setattr(run, "__signature__", signature.replace(parameters=[*own, *_COMMON_PARAMETERS]))  # noqa: B010
        run.__annotations__ = {item.name: item.annotation for item in (*own, *_COMMON_PARAMETERS)}
        group.command(name)(run)
        return function

    return decorate


def _report(output: Output, error: Exception) -> ExitCode | None:
    """Print an error; returns the exit code, or None for one that is a fault of the program."""
    match error:
        case PointsmanError():
            code, message = get_exit_code(error), str(error)
            facts = {
                "code": error.code,
                "message": error.message,
                "status": error.status,
                "requestId": error.request_id,
                "issues": error.issues,
                "details": error.details,
            }
            if isinstance(error, OperationFailed):
                message = "\n".join([message, *describe_failure(error.operation)])
                facts["operation"] = error.operation.to_dict()
            message = "\n".join([message, *(f"  {issue}" for issue in _describe_issues(error))])
        case CommandError():
            code, message = error.exit_code, str(error)
            facts = {"code": code.name, "message": message}
        case EOFError():
            code, message = ExitCode.NEEDS_APPROVAL, "There is no answer"
            facts = {"code": code.name, "message": message}
        case BrokenPipeError():
            # Who reads the output has had enough, as with `| head`; nothing is written at the end either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.FAILURE
        case _:
            return None
    if output.is_json:
        sys.stderr.write(json.dumps({"error": facts}, ensure_ascii=True, default=str) + "\n")
    else:
        output.note(f"pointsman: {message}")
    return code


def _describe_issues(error: PointsmanError) -> list[str]:
    return [f"{'.'.join(map(str, issue.get('path', [])))}: {issue.get('message')}" for issue in error.issues]
