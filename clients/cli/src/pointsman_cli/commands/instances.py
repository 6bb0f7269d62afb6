"""`pointsman instances`: list, look at, create, change and destroy agent instances."""

import json
import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pointsman_client import PointsmanError
from pointsman_client.generated.models import ToolId

from ..command import LimitOption, TimeoutOption, YesOption, add_command
from ..exit_codes import CommandError, ExitCode
from ..session import Session

group = typer.Typer(help="Agent instances.", no_args_is_help=True)

InstanceArgument = Annotated[str, typer.Argument(metavar="INSTANCE", help="The instance's id.")]
KeyOption = Annotated[
    str | None, typer.Option("--idempotency-key", help="Name of this request: again with it, it changes nothing more.")
]
WAIT_SECONDS = 1200.0


@add_command(group, "list")
def list_instances(
    session: Session,
    status: Annotated[str | None, typer.Option(help="Deployment status, such as SUCCESS; UNKNOWN for none.")] = None,
    tool: Annotated[ToolId | None, typer.Option(help="A tool that they have.")] = None,
    search: Annotated[str | None, typer.Option(help="What their ids begin with.")] = None,
    limit: LimitOption = 50,
) -> None:
    """List instances, the newest first."""
    found = [*islice(session.fleet.list_instances(status=status, tool=tool, search=search), limit)]
    if session.output.is_json:
        session.output.print_json([instance.to_dict() for instance in found])
        return
    rows = [
        (
            item.instance_id,
            item.deploy_status,
            ", ".join(tool.tool_id for tool in item.tools),
            item.url,
            item.created_at,
        )
        for item in found
    ]
    session.output.print_table(["INSTANCE", "STATUS", "TOOLS", "URL", "CREATED"], rows)


@add_command(group, "get")
def get_instance(session: Session, instance_id: InstanceArgument) -> None:
    """Show an instance with its tools and its newest operations."""
    instance = session.fleet.get_instance(instance_id)
    if session.output.is_json:
        session.output.print_json(instance.to_dict())
        return
    fields = instance.to_dict()
    tools, operations = fields.pop("tools"), fields.pop("operations")
    session.output.print_fields(fields)
    session.output.print_table(
        ["TOOL", "RESOURCE", "STATUS"], [(tool["toolId"], tool["resourceId"], tool["status"]) for tool in tools]
    )
    rows = [(item["operationId"], item["kind"], item["status"], item["createdAt"]) for item in operations]
    session.output.print_table(["OPERATION", "KIND", "STATUS", "CREATED"], rows)


@add_command(group, "create")
def create_instance(
    session: Session,
    instance_id: InstanceArgument,
    name: Annotated[
        str | None, typer.Option(help="Name of its service; by default convos-agent-INSTANCE.", show_default=False)
    ] = None,
    tools: Annotated[list[str] | None, typer.Option("--tool", "-t", help="A tool that it has; repeatable.")] = None,
    idempotency_key: KeyOption = None,
    timeout: TimeoutOption = WAIT_SECONDS,
) -> None:
    """Create an instance and wait until it exists."""
    created = session.fleet.create_instance(
        instance_id, name, tools=cast("list[ToolId]", tools or []), idempotency_key=idempotency_key, timeout=timeout
    )
    _print_result(session, created)


@add_command(group, "destroy")
def destroy_instance(
    session: Session,
    instance_id: InstanceArgument,
    yes: YesOption = False,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", metavar="INSTANCE", help="The id again, where destroys are held (DESTROYS_HELD)."),
    ] = None,
    idempotency_key: KeyOption = None,
    timeout: TimeoutOption = WAIT_SECONDS,
) -> None:
    """Destroy an instance with all that it has, and wait until nothing is left."""
    session.confirm(f"Destroy {instance_id} with its service, its volume and all its tools?", yes)
    try:
        destroyed = session.fleet.destroy_instance(
            instance_id, confirm=confirm, idempotency_key=idempotency_key, timeout=timeout
        )
    except PointsmanError as error:
        # --yes of a script that destroys too much must not confirm this, too.
        if error.code != "DESTROYS_HELD" or yes or not session.is_interactive:
            raise
        session.output.note(error.message)
        typed = session.ask("Type the instance's id to destroy it all the same: ")
        if typed != instance_id:
            raise CommandError("Nothing was done") from None
        destroyed = session.fleet.destroy_instance(instance_id, confirm=typed, timeout=timeout)
    _print_result(session, destroyed)


@add_command(group, "redeploy")
def redeploy_instance(session: Session, instance_id: InstanceArgument, idempotency_key: KeyOption = None) -> None:
    """Deploy an instance's service again."""
    _print_result(session, session.fleet.redeploy_instance(instance_id, idempotency_key=idempotency_key))


@add_command(group, "configure")
def configure_instance(
    session: Session,
    instance_id: InstanceArgument,
    variables: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="The variables.")] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="A JSON object of variables; - for the standard input. For secrets."),
    ] = None,
    redeploy: Annotated[bool, typer.Option("--redeploy", help="Deploy the service with them.")] = False,
    idempotency_key: KeyOption = None,
) -> None:
    """Set variables of an instance's service."""
    values = {**_load_variables(file), **dict(map(_split_variable, variables or []))}
    if not values:
        raise CommandError("There is no variable: give NAME=VALUE, or --file", ExitCode.USAGE)
    configured = session.fleet.configure_instance(
        instance_id, values, redeploy=redeploy, idempotency_key=idempotency_key
    )
    _print_result(session, configured)


@add_command(group, "provision")
def provision_tool(
    session: Session,
    instance_id: InstanceArgument,
    tool: Annotated[ToolId, typer.Argument(help="The tool.")],
    limit: Annotated[float | None, typer.Option(help="Spending limit of an OpenRouter key, in USD.")] = None,
    idempotency_key: KeyOption = None,
    timeout: TimeoutOption = WAIT_SECONDS,
) -> None:
    """Give an instance another tool, and wait until it has it."""
    provisioned = session.fleet.provision_tool(
        instance_id, tool, limit=limit, idempotency_key=idempotency_key, timeout=timeout
    )
    _print_result(session, provisioned)


def _print_result(session: Session, result: Any) -> None:
    document: dict[str, Any] = result.to_dict()
    if session.output.is_json:
        session.output.print_json(document)
    else:
        session.output.print_fields(document)


def _split_variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise CommandError("A variable is given as NAME=VALUE", ExitCode.USAGE)
    return name, value


def _load_variables(file: str | None) -> Mapping[str, str]:
    if file is None:
        return {}
    try:
        loaded: object = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} is no JSON file: {type(error).__name__}", ExitCode.USAGE) from None
    values = cast("dict[str, object]", loaded) if isinstance(loaded, dict) else None
    if values is None or not all(isinstance(value, str) for value in values.values()):
        raise CommandError(f"{file} must hold one JSON object whose values are strings", ExitCode.USAGE)
    return cast("dict[str, str]", values)
