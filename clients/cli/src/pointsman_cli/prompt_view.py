"""A prompt on the terminal, or as JSON lines: its text, its calls, and the questions that a person answers."""

import json

from pointsman_client import (
    ApprovalAsked,
    ApprovalDecided,
    CallStarted,
    Event,
    FileOutput,
    PointsmanError,
    PromptCreated,
    PromptFailed,
    PromptStream,
    TextDelta,
    TextOutput,
    ToolOutput,
    WaitTimeout,
)

from .exit_codes import CommandError, ExitCode
from .session import Session

__all__ = ["PromptView"]


class PromptView:
    """Prints the events of a prompt as they come, and decides about its calls.

    Args:
        session: the run.
        stream: the prompt's events.
        approves_all: whether every call is approved.
        may_ask: whether a person may be asked.
    """

    def __init__(self, session: Session, stream: PromptStream, *, approves_all: bool, may_ask: bool) -> None:
        self._session = session
        self._output = session.output
        self._stream = stream
        self._approves_all = approves_all
        self._may_ask = may_ask and session.is_interactive
        self._printed = ""
        """What is on the screen of a text that is not complete yet."""

    def run(self) -> None:
        """Print all events.

        Raises:
            CommandError: the prompt has failed, or needs an approval and nobody can be asked.
            PointsmanError: it cannot be followed.
        """
        try:
            with self._stream:
                for event in self._stream:
                    if self._output.is_json:
                        self._output.print_json({"id": event.id, "event": event.event, "data": event.data})
                    else:
                        self._show(event)
                    if isinstance(event, ApprovalAsked):
                        self._decide(event)
                    if isinstance(event, PromptFailed):
                        raise CommandError(f"The prompt has failed: {event.message}", ExitCode.OPERATION_FAILED)
        except (KeyboardInterrupt, EOFError, WaitTimeout):
            self._end_line()
            if self._stream.prompt_id:
                self._output.note(f"The prompt goes on: {self._get_follow_command()}")
            raise

    def _show(self, event: Event) -> None:
        match event:
            case PromptCreated():
                self._output.note(event.prompt_id)
            case TextDelta():
                if event.reset:
                    self._end_line()
                self._output.print_text(event.text, end="")
                self._printed += event.text
            case TextOutput():
                if self._printed and event.content.startswith(self._printed):
                    self._output.print_text(event.content[len(self._printed) :])
                else:
                    self._end_line()
                    self._output.print_text(event.content)
                self._printed = ""
            case CallStarted():
                self._end_line()
                self._output.note(f"→ {event.tool_name} {_to_line(event.input)}")
            case ToolOutput():
                self._end_line()
                result = f"✗ {event.error}" if event.error is not None else f"✓ {_to_line(event.output)}"
                self._output.note(f"← {event.tool_name} {result}")
            case FileOutput():
                self._output.note(f"file {event.path}")
            case ApprovalAsked():
                self._end_line()
                self._output.note(f"? {event.tool_name} {_to_line(event.input)}\n  {event.reason}")
            case ApprovalDecided():
                by = f" by {event.decided_by}" if event.decided_by else ""
                self._output.note(f"  {event.decision}{by}{f': {event.reason}' if event.reason else ''}")
            case _:
                pass

    def _end_line(self) -> None:
        if self._printed:
            self._output.print_text("")
        self._printed = ""

    def _decide(self, question: ApprovalAsked) -> None:
        """Decide about a call that still waits; a replay shows those that do not, too."""
        agent = self._session.agent
        waiting = agent.get_prompt(question.prompt_id).approval
        if not waiting or waiting.tool_call_id != question.tool_call_id:
            return
        try:
            if self._approves_all or (reason := self._ask()) is None:
                agent.approve(question.prompt_id, question.tool_call_id)
            else:
                agent.reject(question.prompt_id, question.tool_call_id, reason or None)
        except PointsmanError as error:
            # Somebody else has decided meanwhile, or has to; the prompt shows it.
            if error.code not in ("PROMPT_NOT_FOUND", "FORBIDDEN"):
                raise
            self._output.note(f"  {error.message}")

    def _ask(self) -> str | None:
        """Ask a person; returns None for an approval, and the reason of a rejection, which may be empty.

        Raises:
            CommandError: nobody can be asked.
        """
        if not self._may_ask:
            prompt_id, event_id = self._stream.prompt_id, self._stream.last_event_id
            raise CommandError(
                f"The prompt waits for an approval, and nobody can be asked here: pointsman approvals list, then"
                f" pointsman approvals approve {prompt_id} CALL, and pointsman prompts follow {prompt_id} --after"
                f" {event_id}; --yes approves everything",
                ExitCode.NEEDS_APPROVAL,
            )
        while not (answer := self._session.ask("  Approve? [y, n, or a reason why not] ")):
            pass
        if answer.lower() in ("y", "yes"):
            return None
        return "" if answer.lower() in ("n", "no") else answer

    def _get_follow_command(self) -> str:
        after = f" --after {self._stream.last_event_id}" if self._stream.last_event_id else ""
        return f"pointsman prompts follow {self._stream.prompt_id}{after}"


def _to_line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
