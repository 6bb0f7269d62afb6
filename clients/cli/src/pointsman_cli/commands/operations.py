"""`pointsman operations`: what creates and destroys, step by step."""

from itertools import islice
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from pointsman_client import OperationFailed
from pointsman_client.generated.models import ListOperationsKind, ListOperationsStatus, OperationPage

from ..command import LimitOption, TimeoutOption, YesOption, add_command
from ..output import to_printable
from ..session import Session
from ..steps import describe_step

group = typer.Typer(help="Operations: creates, destroys, and their steps.", no_args_is_help=True)

OperationArgument = Annotated[str, typer.Argument(metavar="OPERATION", help="The operation's id.")]
WAIT_SECONDS = 1200.0


@add_command(group, "list")
def list_operations(
    session: Session,
    status: Annotated[
        ListOperationsStatus | None, typer.Option(help="`leaked` ones have left something that costs money.")
    ] = None,
    kind: Annotated[ListOperationsKind | None, typer.Option(help="What they do.")] = None,
    instance_id: Annotated[str | None, typer.Option("--instance", help="The instance's id.")] = None,
    limit: LimitOption = 50,
) -> None:
    """List operations, the newest first."""
    listed = session.fleet.list_operations(status=status, kind=kind, instance_id=instance_id)
    found = [*islice(listed, limit)]
    if session.output.is_json:
        session.output.print_json([operation.to_dict() for operation in found])
        return
    rows = [
        (item.operation_id, item.instance_id, item.kind, "undoing" if item.is_undoing else item.status, item.created_at)
        for item in found
    ]
    session.output.print_table(["OPERATION", "INSTANCE", "KIND", "STATUS", "CREATED"], rows)


@add_command(group, "get")
def get_operation(session: Session, operation_id: OperationArgument) -> None:
    """Show an operation with its steps."""
    _print_operation(session, session.fleet.get_operation(operation_id))


@add_command(group, "watch")
def watch_operation(session: Session, operation_id: OperationArgument, timeout: TimeoutOption = WAIT_SECONDS) -> None:
    """Follow an operation's steps to its end; exit code 5 if it does not succeed."""
    pages = session.fleet.watch_operation(operation_id, timeout=timeout)
    output, page = session.output, None
    if output.is_json:
        for page in pages:
            output.print_json(page.to_dict())
    elif output.console.is_terminal:
        with Live(console=output.console, auto_refresh=False) as live:
            for page in pages:
                live.update(Text(to_printable(_describe(page))), refresh=True)
    else:
        shown: set[str] = set()
        for page in pages:
            for line in _describe(page).splitlines():
                if line not in shown:
                    output.print_text(line)
                    shown.add(line)
    if page is not None and page.status != "succeeded":
        raise OperationFailed(page)


@add_command(group, "retry")
def retry_operation(session: Session, operation_id: OperationArgument, timeout: TimeoutOption = WAIT_SECONDS) -> None:
    """Run a leaked operation again, and wait for its end; exit code 5 if something is left still."""
    _print_operation(session, session.fleet.retry_operation(operation_id, timeout=timeout))


@add_command(group, "abandon")
def abandon_operation(session: Session, operation_id: OperationArgument, yes: YesOption = False) -> None:
    """Give up what a leaked operation has left: nobody deletes it any more."""
    session.confirm(f"Give up what {operation_id} has left? It may cost money until somebody deletes it.", yes)
    _print_operation(session, session.fleet.abandon_operation(operation_id))


def _print_operation(session: Session, operation: OperationPage) -> None:
    if session.output.is_json:
        session.output.print_json(operation.to_dict())
    else:
        session.output.print_text(_describe(operation))


def _describe(operation: OperationPage) -> str:
    head = f"{operation.operation_id}  {operation.kind} {operation.instance_id}  {operation.status}"
    error: dict[str, Any] = operation.to_dict().get("error") or {}
    steps = [describe_step(step) for step in operation.steps]
    return "\n".join([head, *steps, *([str(error.get("message"))] if error.get("message") else [])])
