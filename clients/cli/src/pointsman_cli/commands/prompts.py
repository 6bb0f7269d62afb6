"""`pointsman prompts`: run a prompt on the terminal and decide about its calls, or look at other prompts."""

import json
import sys
from itertools import islice
from typing import Annotated

import typer

from pointsman_client.generated.models import PromptStatus, SubmitPromptBodyModel

from ..command import LimitOption, add_command
from ..exit_codes import CommandError, ExitCode
from ..prompt_view import PromptView
from ..session import Session

group = typer.Typer(help="Prompts.", no_args_is_help=True)

PromptArgument = Annotated[str, typer.Argument(metavar="PROMPT", help="The prompt's id.")]
StreamTimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=0.1, help="Seconds to follow it; the prompt goes on then.")
]
ApproveAllOption = Annotated[bool, typer.Option("--yes", "-y", help="Approve every call that needs it.")]
NoInputOption = Annotated[bool, typer.Option("--no-input", help="Ask nobody: exit code 7 if a call needs it.")]


@add_command(group, "run")
def run_prompt(
    session: Session,
    text: Annotated[str, typer.Argument(help="What you say; - reads it from the standard input.")],
    conversation_id: Annotated[str | None, typer.Option("--conversation", help="A conversation to go on with.")] = None,
    model: Annotated[SubmitPromptBodyModel | None, typer.Option(help="The model.")] = None,
    yes: ApproveAllOption = False,
    no_input: NoInputOption = False,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", help="Name of this prompt: again with it, it is followed.")
    ] = None,
    timeout: StreamTimeoutOption = None,
) -> None:
    """Submit a prompt, follow it to its end, and ask about calls that need an approval.

    The text goes to the standard output; calls and questions go to the standard error.
    """
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise CommandError("The prompt is empty", ExitCode.USAGE)
    stream = session.agent.prompt(
        text,
        conversation_id=conversation_id,
        model=model,
        deltas=not session.output.is_json,
        all_events=True,
        idempotency_key=idempotency_key,
        timeout=timeout,
    )
    PromptView(session, stream, approves_all=yes, may_ask=not no_input).run()


@add_command(group, "follow")
def follow_prompt(
    session: Session,
    prompt_id: PromptArgument,
    last_event_id: Annotated[str | None, typer.Option("--after", help="Only what came after this event's id.")] = None,
    yes: ApproveAllOption = False,
    no_input: NoInputOption = False,
    timeout: StreamTimeoutOption = None,
) -> None:
    """Follow a prompt from its beginning, or after an event, to its end."""
    stream = session.agent.follow(prompt_id, last_event_id, all_events=True, timeout=timeout)
    PromptView(session, stream, approves_all=yes, may_ask=not no_input).run()


@add_command(group, "list")
def list_prompts(
    session: Session,
    status: Annotated[
        PromptStatus | None, typer.Option(help="Where they are; `waiting` ones need an approval.")
    ] = None,
    conversation_id: Annotated[str | None, typer.Option("--conversation", help="The conversation's id.")] = None,
    limit: LimitOption = 20,
) -> None:
    """List your prompts, the newest first."""
    found = [*islice(session.agent.list_prompts(status=status, conversation_id=conversation_id), limit)]
    if session.output.is_json:
        session.output.print_json([prompt.to_dict() for prompt in found])
        return
    rows = [(item.id, item.status, item.total_tokens, item.created_at, item.title) for item in found]
    session.output.print_table(["PROMPT", "STATUS", "TOKENS", "CREATED", "TITLE"], rows)


@add_command(group, "get")
def get_prompt(session: Session, prompt_id: PromptArgument) -> None:
    """Show a prompt with its outputs, and the approval that it waits for."""
    document = session.agent.get_prompt(prompt_id).to_dict()
    if session.output.is_json:
        session.output.print_json(document)
        return
    outputs = document.pop("outputs")
    session.output.print_fields(document)
    for output in outputs:
        content = output.get("content")
        session.output.print_text(content if content is not None else json.dumps(output, ensure_ascii=False))


@add_command(group, "cancel")
def cancel_prompt(session: Session, prompt_id: PromptArgument) -> None:
    """End a prompt; one that has ended stays as it ended."""
    cancelled = session.agent.cancel(prompt_id)
    if session.output.is_json:
        session.output.print_json(cancelled.to_dict())
    else:
        session.output.print_text(cancelled.status)
