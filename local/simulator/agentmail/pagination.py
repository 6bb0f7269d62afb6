"""AgentMail's page tokens: keyset pagination, so pages stay consistent while inboxes are created and deleted."""

import base64
import binascii
from dataclasses import dataclass

from local.simulator.state.agentmail import Inbox


@dataclass(frozen=True)
class InboxPage:
    """One page; `next_token` is None on the last one."""

    inboxes: list[Inbox]
    next_token: str | None


def _get_sort_key(inbox: Inbox) -> tuple[float, str]:
    return inbox.created_at, inbox.uid


def _encode_token(sort_key: tuple[float, str]) -> str:
    return base64.urlsafe_b64encode(f"{sort_key[0]!r}|{sort_key[1]}".encode()).decode()


def _decode_token(token: str) -> tuple[float, str] | None:
    try:
        created_at, _, uid = base64.urlsafe_b64decode(token).decode().partition("|")
        return float(created_at), uid
    except (binascii.Error, ValueError):
        return None


def paginate(
    inboxes: list[Inbox], size: int, token: str | None, newest_first: bool, has_empty_first_page: bool
) -> InboxPage | None:
    """Return one page, or None for an invalid token.

    With `has_empty_first_page` a list starts with an empty page that carries a token, which AgentMail's API permits.
    """
    ordered = sorted(inboxes, key=_get_sort_key, reverse=newest_first)
    if token is None and has_empty_first_page:
        start = (float("inf"), "") if newest_first else (float("-inf"), "")
        return InboxPage([], _encode_token(start))
    if token is not None:
        sort_key = _decode_token(token)
        if sort_key is None:
            return None
        ordered = [
            inbox
            for inbox in ordered
            if (_get_sort_key(inbox) < sort_key if newest_first else _get_sort_key(inbox) > sort_key)
        ]
    page = ordered[:size]
    return InboxPage(page, _encode_token(_get_sort_key(page[-1])) if len(ordered) > size else None)
