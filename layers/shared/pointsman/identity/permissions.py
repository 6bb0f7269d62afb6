"""Permissions: what a caller may do, like `fleet:read`.

A caller has permissions, a tool or a route requires at most one. `fleet:*` grants all of `fleet`, `*` grants all.
"""

import re
from collections.abc import Iterable, Mapping

__all__ = ["ALL_PERMISSIONS", "format_permissions", "is_granted", "is_permission", "parse_permissions", "resolve_roles"]

ALL_PERMISSIONS = "*"
"""The permission that grants everything."""

_PERMISSION = re.compile(r"[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*")
_GRANT = re.compile(r"\*|[a-z][a-z0-9_-]*:(\*|[a-z][a-z0-9_-]*)")
_MAX_GRANTS = 50
"""Grants of one caller that count; a context of API Gateway and a row hold no more."""


def is_permission(text: str) -> bool:
    """Whether a tool may require this: two words in lower case with a colon between them."""
    return _PERMISSION.fullmatch(text) is not None


def is_granted(required: str, granted: Iterable[str]) -> bool:
    """Whether a caller with these permissions may use what requires this one; empty requires nothing."""
    return not required or not {required, f"{required.partition(':')[0]}:*", ALL_PERMISSIONS}.isdisjoint(granted)


def resolve_roles(names: Iterable[str], roles: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the permissions of roles, sorted. A name that is a permission itself stays, an unknown role is dropped."""
    grants = {grant for name in names for grant in ((name,) if _GRANT.fullmatch(name) else roles.get(name, ()))}
    return tuple(sorted(grants)[:_MAX_GRANTS])


def format_permissions(granted: Iterable[str]) -> str:
    """Format permissions as an authorizer's context and a row hold them: with blanks between them."""
    return " ".join(granted)


def parse_permissions(text: object) -> tuple[str, ...]:
    """Parse what `format_permissions` returned; anything else grants nothing."""
    return tuple(word for word in text.split() if _GRANT.fullmatch(word)) if isinstance(text, str) else ()
