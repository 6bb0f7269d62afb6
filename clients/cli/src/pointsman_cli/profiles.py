"""Profiles: an address with its credentials, in a file that only its owner may read, or from the environment.

A stored credential is sent to its profile's own address only: with another one from POINTSMAN_URL, credentials come
from the environment too.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from .exit_codes import CommandError, ExitCode

__all__ = ["PREDEFINED_NAMES", "SECRET_FIELDS", "Profile", "ProfileStore", "require_url", "resolve_profile"]

PREDEFINED_NAMES = ("local", "staging", "production")
SECRET_FIELDS = ("services_key", "agent_key", "agent_token")
_VARIABLES = {
    "url": "POINTSMAN_URL",
    "services_key": "POINTSMAN_SERVICES_KEY",
    "agent_key": "POINTSMAN_AGENT_KEY",
    "agent_token": "POINTSMAN_AGENT_TOKEN",
    "user_id": "POINTSMAN_USER_ID",
    "prefix": "POINTSMAN_PREFIX",
}


@dataclass(frozen=True)
class Profile:
    """An address and who calls it.

    Attributes:
        name: the profile's name.
        url: such as `https://agents.example.org`; empty for a profile that is not set yet.
        user_id: whom prompts and tools are for.
        services_key: of the Services API.
        agent_key: of the Agent API, of a backend that names its users.
        agent_token: a user's own token.
        prefix: path of the Agent API.
    """

    name: str
    url: str = ""
    user_id: str = ""
    services_key: str = field(default="", repr=False)
    agent_key: str = field(default="", repr=False)
    agent_token: str = field(default="", repr=False)
    prefix: str = "/api"

    def describe(self) -> dict[str, Any]:
        """The profile without its secrets: whether they are set."""
        values = asdict(self)
        return {name: bool(value) if name in SECRET_FIELDS else value for name, value in values.items()}


LOCAL = Profile("local", "http://127.0.0.1:3002", "me", services_key="pointsman-development-key")
"""What `make run` prints."""


class ProfileStore:
    """The file of the profiles.

    Args:
        environment: says where it is: `XDG_CONFIG_HOME`, else `~/.config`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".config")
        self.path = Path(home) / "pointsman" / "profiles.json"

    def list(self) -> list[Profile]:
        """Return all profiles, also the predefined ones that are not set yet."""
        stored = self._read()["profiles"]
        return [self.get(name) for name in dict.fromkeys([*PREDEFINED_NAMES, *stored])]

    def get(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            CommandError: there is none with this name.
        """
        stored: dict[str, Any] | None = self._read()["profiles"].get(name)
        if stored is None and name not in PREDEFINED_NAMES:
            raise CommandError(f"There is no profile {name!r}; `pointsman profiles set {name} --url …` makes it")
        base = LOCAL if name == LOCAL.name else Profile(name)
        known = {item.name for item in fields(Profile)} - {"name"}
        return replace(base, **{key: str(value) for key, value in (stored or {}).items() if key in known})

    def get_current_name(self) -> str:
        """Return the name of the profile that is used where no other is asked for."""
        return str(self._read()["current"])

    def save(self, profile: Profile) -> None:
        """Add or replace a profile."""
        content = self._read()
        content["profiles"][profile.name] = {key: value for key, value in asdict(profile).items() if key != "name"}
        self._write(content)

    def use(self, name: str) -> None:
        """Make a profile the current one."""
        self._write({**self._read(), "current": self.get(name).name})

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = {"current": LOCAL.name, "profiles": {}}
        try:
            with self.path.open(encoding="utf-8") as file:
                if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise CommandError(f"Others may read the keys in {self.path}; first: chmod 600 {self.path}")
                loaded = json.load(file)
        except FileNotFoundError:
            return content
        except (OSError, ValueError) as error:
            raise CommandError(f"{self.path} cannot be read: {type(error).__name__}") from None
        if not isinstance(loaded, dict) or not isinstance(cast("dict[str, Any]", loaded).get("profiles"), dict):
            raise CommandError(f"{self.path} holds no profiles")
        return {**content, **cast("dict[str, Any]", loaded)}

    def _write(self, content: dict[str, Any]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A temporary file has the mode 0600 from its beginning, and takes the place of the old one at once.
        with tempfile.NamedTemporaryFile("w", dir=self.path.parent, delete=False, encoding="utf-8") as file:
            json.dump(content, file, indent=1)
        Path(file.name).replace(self.path)


def resolve_profile(store: ProfileStore, name: str | None, environment: Mapping[str, str]) -> Profile:
    """Return the profile to use, with what the environment says instead.

    Args:
        store: the stored profiles.
        name: of the profile; else POINTSMAN_PROFILE names it, else it is the current one.
        environment: variables by name.

    Raises:
        CommandError: there is no such profile, or it has no address.
    """
    profile = store.get(name or environment.get("POINTSMAN_PROFILE") or store.get_current_name())
    changes = {key: environment[variable] for key, variable in _VARIABLES.items() if environment.get(variable)}
    if changes.get("url", profile.url).rstrip("/") != profile.url.rstrip("/"):
        profile = replace(profile, **dict.fromkeys(SECRET_FIELDS, ""))
    profile = replace(profile, **changes)
    if not profile.url:
        raise CommandError(
            f"The profile {profile.name} has no address yet: `pointsman profiles set {profile.name} --url …`",
            ExitCode.USAGE,
        )
    require_url(profile.url)
    return profile


def require_url(url: str) -> None:
    """Refuse what is no address of a server.

    Raises:
        CommandError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise CommandError(f"{url!r} is no address: it must begin with https:// or http://", ExitCode.USAGE)
