"""AgentMail's page tokens: they name a place in the order, so pages stay honest while inboxes come and go."""

import base64
import binascii
from dataclasses import dataclass

from local.simulator.agentmail_state import Inbox


@dataclass(frozen=True)
class Page:
    inboxes: list[Inbox]
    next_token: str | None


def _place(inbox: Inbox) -> tuple[float, str]:
    return inbox.created_at, inbox.uid


def _token(place: tuple[float, str]) -> str:
    return base64.urlsafe_b64encode(f"{place[0]!r}|{place[1]}".encode()).decode()


def _read(token: str) -> tuple[float, str] | None:
    try:
        moment, _, uid = base64.urlsafe_b64decode(token).decode().partition("|")
        return float(moment), uid
    except (binascii.Error, ValueError):
        return None


def paged(found: list[Inbox], size: int, token: str | None, newest_first: bool, empty_first: bool) -> Page | None:
    """One page, or null for a token that is none.

    With `empty_first` a listing begins with an empty page that carries a token, which AgentMail is free to send.
    """
    ordered = sorted(found, key=_place, reverse=newest_first)
    if token is None and empty_first:
        start = (float("inf"), "") if newest_first else (float("-inf"), "")
        return Page([], _token(start))
    if token is not None:
        place = _read(token)
        if place is None:
            return None
        ordered = [inbox for inbox in ordered if (_place(inbox) < place if newest_first else _place(inbox) > place)]
    page = ordered[:size]
    return Page(page, _token(_place(page[-1])) if len(ordered) > size else None)
