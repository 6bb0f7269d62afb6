"""The actor: on whose behalf this process works now, and from where, for the audit log.

A handler sets it once per invocation, as it sets the log's context; what changes something reads it. A step of a state
machine does not: who asked for its operation is stored with the operation.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

__all__ = ["Actor", "ActorKind", "get_actor", "set_actor"]

ActorKind = Literal["user", "key", "system"]
"""A user of the Agent API, an API key of the Services API, or a schedule."""

_MAX_TEXT_CHARS = 256
"""Characters of an id, an address or a user agent that are kept."""


class Actor(NamedTuple):
    """Who acts.

    Attributes:
        kind: what the id is of.
        id: the user's id, the key's name (`services`), or the schedule's.
        address: the client's IP address; empty for schedules.
        user_agent: the client's name of itself, which may be anything.
        request_id: of the request or of the schedule's event; it is in every log line too.
        details: what else belongs to each of this actor's audit entries, without secrets.
    """

    kind: ActorKind
    id: str
    address: str = ""
    user_agent: str = ""
    request_id: str = ""
    details: Mapping[str, str] = {}


_SYSTEM = Actor("system", "system")
_actor = _SYSTEM


def set_actor(actor: Actor | None) -> None:
    """Set who acts from now on in this process, which serves one invocation at a time; None is the system.

    Each text is cut to 256 characters, and what cannot be printed is replaced.
    """
    global _actor
    if actor is None:
        _actor = _SYSTEM
        return
    _actor = actor._replace(
        id=_clean(actor.id),
        address=_clean(actor.address),
        user_agent=_clean(actor.user_agent),
        request_id=_clean(actor.request_id),
    )


def get_actor() -> Actor:
    """Return who acts; the system if no handler has set it."""
    return _actor


def _clean(text: str) -> str:
    shortened = text[:_MAX_TEXT_CHARS]
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in shortened)
