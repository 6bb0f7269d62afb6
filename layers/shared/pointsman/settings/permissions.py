"""Settings of permissions: roles, who has them, and who approves the calls of a tool."""

import re
from typing import Literal, cast

from ..errors import InvalidSetting
from .environment import read_optional

__all__ = ["ApproverRule", "load_operators", "load_permission_claims", "load_roles", "load_tool_approvers"]

_DEFAULT_ROLES = "operator=fleet:read,fleet:write;viewer=fleet:read"
_GRANT = r"(\*|[a-z][a-z0-9_-]*:(\*|[a-z][a-z0-9_-]*))"
_ROLE = rf"[^\s=;,]+={_GRANT}(,{_GRANT})*"
_ROLES = re.compile(rf"{_ROLE}(;{_ROLE})*")
_APPROVERS = re.compile(r"[a-z0-9_.]+=(self|other)(,[a-z0-9_.]+=(self|other))*")

ApproverRule = Literal["self", "other"]
"""Who decides about a call that needs an approval: the prompt's user, or somebody else with the tool's permission."""


def load_roles() -> dict[str, tuple[str, ...]]:
    """Return the permissions of each role, by ROLE_PERMISSIONS. Raises InvalidSetting."""
    text = "".join(read_optional("ROLE_PERMISSIONS", _DEFAULT_ROLES).split())
    if not _ROLES.fullmatch(text):
        raise InvalidSetting("ROLE_PERMISSIONS", f"roles with permissions, like {_DEFAULT_ROLES}")
    roles = (part.split("=", 1) for part in text.split(";"))
    return {name: tuple(permissions.split(",")) for name, permissions in roles}


def load_operators() -> frozenset[str]:
    """Return the user ids with the role `operator` where users are known by X-User-Id alone; `*` means everybody."""
    return frozenset(filter(None, (part.strip() for part in read_optional("AGENT_OPERATORS").split(","))))


def load_permission_claims() -> list[str]:
    """Return the claims of a token that hold permissions or roles, `scope`, `permissions` and `roles` by default.

    A dot leads into an object: `realm_access.roles`.
    """
    names = read_optional("JWT_PERMISSION_CLAIMS", "scope,permissions,roles")
    return [name.strip() for name in names.split(",") if name.strip()]


def load_tool_approvers() -> dict[str, ApproverRule]:
    """Return who approves the calls of a tool, by its id, where TOOL_APPROVERS says so. Raises InvalidSetting."""
    text = "".join(read_optional("TOOL_APPROVERS").split())
    if not text:
        return {}
    if not _APPROVERS.fullmatch(text):
        raise InvalidSetting("TOOL_APPROVERS", "tools with self or other, like instances.destroy=other")
    return {tool: cast("ApproverRule", rule) for tool, rule in (part.split("=") for part in text.split(","))}
