"""`pointsman profiles`: addresses and credentials."""

import getpass
import sys
from dataclasses import replace
from typing import Annotated

import typer

from ..command import add_command
from ..exit_codes import CommandError, ExitCode
from ..profiles import SECRET_FIELDS, Profile, require_url
from ..session import Session

group = typer.Typer(help="Addresses and credentials: local, staging, production, and your own.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="PROFILE", help="The profile's name.")]


@add_command(group, "list")
def list_profiles(session: Session) -> None:
    """List the profiles; the current one is marked."""
    current = session.store.get_current_name()
    found = session.store.list()
    if session.output.is_json:
        session.output.print_json([{**profile.describe(), "current": profile.name == current} for profile in found])
        return
    rows = [("*" if item.name == current else "", item.name, item.url, item.user_id) for item in found]
    session.output.print_table(["", "PROFILE", "URL", "USER"], rows)


@add_command(group, "show")
def show_profile(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="PROFILE", help="Else the one that is used now.")] = None,
) -> None:
    """Show a profile: which credentials are set, not what they are."""
    profile = session.store.get(name) if name else session.profile
    _print_profile(session, profile)


@add_command(group, "set")
def set_profile(
    session: Session,
    name: NameArgument,
    url: Annotated[str | None, typer.Option(help="Such as https://agents.example.org.")] = None,
    user_id: Annotated[str | None, typer.Option("--user", help="Whom prompts and tools are for.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Path of the Agent API.")] = None,
    services_key: Annotated[
        bool,
        typer.Option("--services-key", help="Ask for the Services API's key, or read a line of the standard input."),
    ] = False,
    agent_key: Annotated[bool, typer.Option("--agent-key", help="The same for the Agent API's key.")] = False,
    agent_token: Annotated[bool, typer.Option("--agent-token", help="The same for a user's token.")] = False,
) -> None:
    """Make or change a profile. A credential is never an argument, which other programs could see."""
    known = {profile.name for profile in session.store.list()}
    profile = session.store.get(name) if name in known else Profile(name)
    if not name.isprintable() or name.startswith("-") or not name.strip():
        raise CommandError("A profile's name has only characters that can be seen", ExitCode.USAGE)
    if url is not None:
        require_url(url)
    if url is not None and url.rstrip("/") != profile.url.rstrip("/"):
        # The credentials of one server are not sent to another one.
        profile = replace(profile, **dict.fromkeys(SECRET_FIELDS, ""))
    given = {"url": url, "user_id": user_id, "prefix": prefix}
    wanted = {"services_key": services_key, "agent_key": agent_key, "agent_token": agent_token}
    secrets = {field: _read_secret(field) for field, is_wanted in wanted.items() if is_wanted}
    profile = replace(profile, **{key: value for key, value in given.items() if value is not None}, **secrets)
    session.store.save(profile)
    _print_profile(session, profile)


@add_command(group, "use")
def use_profile(session: Session, name: NameArgument) -> None:
    """Make a profile the current one."""
    session.store.use(name)
    _print_profile(session, session.store.get(name))


def _read_secret(field: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{field.replace('_', ' ')}: ", stream=sys.stderr).strip()
    return sys.stdin.readline().strip()


def _print_profile(session: Session, profile: Profile) -> None:
    if session.output.is_json:
        session.output.print_json(profile.describe())
    else:
        session.output.print_fields(profile.describe())
