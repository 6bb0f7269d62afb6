"""Where the Agent API is."""

import re

from ..errors import MissingSetting
from .environment import read_optional

__all__ = ["load_api_prefix"]


def load_api_prefix() -> str:
    """The path under which the Agent API is, `/api` unless told otherwise. Raises MissingSetting for what cannot be."""
    prefix = read_optional("API_PREFIX", "/api")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
        raise MissingSetting("API_PREFIX", f"a path like /api is needed, not {prefix[:40]!r}")
    return prefix
