"""What a command works with: the profile's clients, the output, and whether a person can be asked."""

import os
import sys
from contextlib import ExitStack
from functools import cached_property

from pointsman_client import Agent, Fleet

from .exit_codes import CommandError, ExitCode
from .output import Output
from .profiles import Profile, ProfileStore, resolve_profile

__all__ = ["Session"]


class Session:
    """One run of the program. Its clients are opened when they are first used.

    Args:
        is_json: whether the result is JSON. Then nobody is asked.
        profile_name: the profile that `--profile` names, or None.
    """

    def __init__(self, is_json: bool, profile_name: str | None) -> None:
        self.output = Output(is_json)
        self.store = ProfileStore(os.environ)
        self._profile_name = profile_name
        self._exit_stack = ExitStack()

    def close(self) -> None:
        """Close the clients' connections."""
        self._exit_stack.close()

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked: on a terminal, for a result that is for people."""
        return not self.output.is_json and sys.stdin.isatty() and sys.stderr.isatty()

    @cached_property
    def profile(self) -> Profile:
        """The profile, with what the environment says instead."""
        return resolve_profile(self.store, self._profile_name, os.environ)

    @cached_property
    def fleet(self) -> Fleet:
        """The Services API."""
        profile = self.profile
        if not profile.services_key:
            raise self._build_credential_error("a key of the Services API", "POINTSMAN_SERVICES_KEY", "services-key")
        try:
            return self._exit_stack.enter_context(Fleet(profile.url, profile.services_key))
        except ValueError as error:
            raise CommandError(str(error), ExitCode.CREDENTIAL_REFUSED) from None

    @cached_property
    def agent(self) -> Agent:
        """The Agent API."""
        profile = self.profile
        if not (profile.agent_token or profile.user_id):
            raise self._build_credential_error("a user", "POINTSMAN_AGENT_TOKEN or POINTSMAN_USER_ID", "agent-token")
        try:
            client = Agent(
                profile.url,
                token=profile.agent_token or None,
                api_key=None if profile.agent_token else profile.agent_key or None,
                user_id=None if profile.agent_token else profile.user_id,
                prefix=profile.prefix,
            )
        except ValueError as error:
            raise CommandError(str(error), ExitCode.CREDENTIAL_REFUSED) from None
        return self._exit_stack.enter_context(client)

    def confirm(self, question: str, is_confirmed: bool) -> None:
        """Ask a person before something is done that cannot be taken back.

        Args:
            question: ends with a question mark.
            is_confirmed: whether `--yes` has said so.

        Raises:
            CommandError: the answer is no, or nobody can be asked.
        """
        if is_confirmed:
            return
        if not self.is_interactive:
            raise CommandError(f"{question} Nobody can be asked here: --yes confirms it", ExitCode.NEEDS_APPROVAL)
        if self.ask(f"{question} [y/N] ").lower() not in ("y", "yes"):
            raise CommandError("Nothing was done")

    def ask(self, question: str) -> str:
        """Ask on the terminal; returns the answer without spaces around it.

        Raises:
            EOFError: there is no answer.
        """
        self.output.notes.print(question, end="")
        self.output.notes.file.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.strip()

    def _build_credential_error(self, what: str, variable: str, option: str) -> CommandError:
        return CommandError(
            f"The profile {self.profile.name} has not {what} for {self.profile.url}: set {variable}, or"
            f" `pointsman profiles set {self.profile.name} --{option}`",
            ExitCode.CREDENTIAL_REFUSED,
        )
