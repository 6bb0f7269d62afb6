"""How callers of the Agent API say who they are."""

from typing import Literal, get_args

from ..errors import MissingSetting
from .environment import read_optional, read_required

__all__ = ["AuthMode", "load_agent_api_key", "load_auth_mode"]

AuthMode = Literal["header", "api_key", "jwt"]


def load_auth_mode() -> AuthMode:
    """What the Agent API asks of its callers. Raises MissingSetting where it is none of the three."""
    value = read_optional("AGENT_AUTH", "api_key")
    for mode in get_args(AuthMode):
        if value == mode:
            return mode
    raise MissingSetting("AGENT_AUTH", "one of header, api_key, jwt")


def load_agent_api_key() -> str:
    """The key that apps present. Raises MissingSetting."""
    return read_required("AGENT_API_KEY", "apps present it where AGENT_AUTH is api_key")
