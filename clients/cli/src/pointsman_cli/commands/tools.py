"""`pointsman tools`: what the agent can do, called directly."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ..command import add_command
from ..exit_codes import CommandError, ExitCode
from ..session import Session

group = typer.Typer(help="The tools that you may call.", no_args_is_help=True)


@add_command(group, "list")
def list_tools(session: Session) -> None:
    """List the tools, in JSON with their schemas."""
    found = session.agent.list_tools()
    if session.output.is_json:
        session.output.print_json([tool.to_dict() for tool in found])
    else:
        session.output.print_table(["TOOL", "DESCRIPTION"], [(tool.id, tool.description) for tool in found])


@add_command(group, "call")
def call_tool(
    session: Session,
    tool_id: Annotated[str, typer.Argument(metavar="TOOL", help="Such as time.now.")],
    arguments: Annotated[
        str, typer.Option("--input", "-i", help="A JSON object; @FILE reads a file, - the standard input.")
    ] = "{}",
) -> None:
    """Call a tool and print its result; exit code 7 if it needs an approval, which only a prompt can ask for."""
    result = session.agent.call_tool(tool_id, _load_input(arguments))
    if session.output.is_json:
        session.output.print_json(result)
    else:
        session.output.print_text(json.dumps(result, indent=2, ensure_ascii=False))


def _load_input(text: str) -> dict[str, Any]:
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        loaded: object = json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandError(f"--input is no JSON: {error}", ExitCode.USAGE) from None
    if not isinstance(loaded, dict):
        raise CommandError("--input must be one JSON object", ExitCode.USAGE)
    return cast("dict[str, Any]", loaded)
