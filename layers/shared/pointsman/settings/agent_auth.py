"""How callers of the Agent API say who they are."""

from typing import Literal, get_args

from ..errors import MissingSetting
from .environment import optional, required

__all__ = ["Mode", "agent_api_key", "agent_auth"]

Mode = Literal["header", "api_key", "jwt"]


def agent_auth() -> Mode:
    """What the Agent API asks of its callers. Raises MissingSetting where it is none of the three."""
    given = optional("AGENT_AUTH", "api_key")
    for mode in get_args(Mode):
        if given == mode:
            return mode
    raise MissingSetting("AGENT_AUTH", "one of header, api_key, jwt")


def agent_api_key() -> str:
    """The key that apps present. Raises MissingSetting."""
    return required("AGENT_API_KEY", "apps present it where AGENT_AUTH is api_key")
