"""`pointsman audit`: who has changed what."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from pointsman_client.generated.models import ListAuditLogAction

from ..command import LimitOption, add_command
from ..session import Session

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
"""Of a time; without an offset it is in UTC."""
_TIME_HELP = "From this time on, as 2026-11-29 or 2026-11-29T10:00:00+0100; UTC without an offset."


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    add_command(app, "audit")(list_audit_log)


def list_audit_log(
    session: Session,
    actor: Annotated[str | None, typer.Option(help="The id of who has changed something.")] = None,
    action: Annotated[
        ListAuditLogAction | None, typer.Option("--action", help="As instance.create.", metavar="ACTION")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The id of what was changed.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", metavar="TIME", formats=_FORMATS, help=_TIME_HELP)] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", metavar="TIME", formats=_FORMATS, help="Before this time.")
    ] = None,
    limit: LimitOption = 50,
) -> None:
    """List the entries of the audit log, the newest first."""
    found = [
        *islice(
            session.fleet.list_audit_log(
                actor=actor, action=action, target=target, since=_add_offset(since), until=_add_offset(until)
            ),
            limit,
        )
    ]
    if session.output.is_json:
        session.output.print_json([entry.to_dict() for entry in found])
        return
    rows = [
        (item.at, f"{item.actor.kind} {item.actor.id}", item.action, item.target.id, item.outcome) for item in found
    ]
    session.output.print_table(["AT", "ACTOR", "ACTION", "TARGET", "OUTCOME"], rows)


def _add_offset(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
