"""`pointsman approvals`: the calls that wait for you."""

from itertools import islice
from typing import Annotated

import typer

from pointsman_client.generated.models import Decided

from ..command import LimitOption, add_command
from ..session import Session

group = typer.Typer(help="Calls that wait for your decision.", no_args_is_help=True)

PromptArgument = Annotated[str, typer.Argument(metavar="PROMPT", help="The prompt's id.")]
CallArgument = Annotated[str, typer.Argument(metavar="CALL", help="The call's id.")]


@add_command(group, "list")
def list_approvals(session: Session, limit: LimitOption = 50) -> None:
    """List the calls that wait for you: your own, and those of others that you have to approve."""
    found = [*islice(session.agent.list_approvals(), limit)]
    if session.output.is_json:
        session.output.print_json([approval.to_dict() for approval in found])
        return
    rows = [
        (
            item.prompt_id,
            item.tool_call_id,
            item.tool_name,
            item.input_,
            item.requested_by,
            item.expires_at,
            item.reason,
        )
        for item in found
    ]
    session.output.print_table(["PROMPT", "CALL", "TOOL", "INPUT", "ASKED BY", "EXPIRES", "REASON"], rows)


@add_command(group, "approve")
def approve_call(session: Session, prompt_id: PromptArgument, tool_call_id: CallArgument) -> None:
    """Let a call run."""
    _print_decision(session, session.agent.approve(prompt_id, tool_call_id))


@add_command(group, "reject")
def reject_call(
    session: Session,
    prompt_id: PromptArgument,
    tool_call_id: CallArgument,
    reason: Annotated[str | None, typer.Option(help="Why not; the model reads it.")] = None,
) -> None:
    """Do not let a call run."""
    _print_decision(session, session.agent.reject(prompt_id, tool_call_id, reason))


def _print_decision(session: Session, decided: Decided) -> None:
    if session.output.is_json:
        session.output.print_json(decided.to_dict())
    else:
        session.output.print_text(decided.status)
