"""What goes wrong with a model, in words that are safe to show, and whether it may pass.

    never sent, cut off, no answer in time, an answer that cannot be read      may pass
    HTTP 408, 409, 429, 5xx; an error in the middle that says the like         may pass
    insufficient_quota, any other refusal, a request that cannot be written    will not

No message holds the key or anything of what the model was asked, and none is over 300 characters.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import ModelFailed
from ...providers.http import FAILURES, pause
from ...providers.masking import mask, word
from ...providers.reading import Json, mapping, mappings, text

__all__ = ["Ours", "ended_badly", "refused", "refuses_seals", "unanswered", "unreadable", "unwritable"]

_QUOTA = "insufficient_quota"
_PASSING = {
    "", "internal_error", "overloaded", "overloaded_error", "provider_overloaded", "provider_unavailable",
    "rate_limit_exceeded", "rate_limit_error", "server", "server_error", "service_unavailable", "timeout",
}  # fmt: skip
_LONGEST = 300
_CONSIDERED = 500
"""Characters of the model's own words that are looked at."""
_QUOTE = 16
"""So many characters that are in the request as well are taken for a quotation of it."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What must not come back in a message: the key, and all that the model was asked."""

    key: str = field(repr=False)
    items: Sequence[Json] = field(repr=False)
    instructions: str = field(repr=False)

    def not_in(self, said: str) -> str:
        """The model's words without what they repeat of ours."""
        # The key first: what is cut off or taken for a quotation must not leave half of it.
        said = said.replace(self.key, "***")[:_CONSIDERED] if self.key else said[:_CONSIDERED]
        ours = [one for one in (*_texts(self.items), self.instructions) if one]
        shown, end = "", 0
        for start in range(len(said)):
            if start + _QUOTE <= len(said) and any(said[start : start + _QUOTE] in one for one in ours):
                shown += "" if end > start else "…"
                end = start + _QUOTE
            elif start >= end:
                shown += said[start]
        return mask(shown, [self.key, *(one for one in ours if len(one) < _QUOTE)])


def unanswered(error: Exception) -> ModelFailed:
    """For an exception of httpx. Its text is not told: it may quote the credential."""
    failure, name = next(FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES), type(error).__name__
    if failure == "refused":
        return ModelFailed(f"The model cannot be asked: its address or its key is malformed ({name})")
    if failure == "unsent":
        return ModelFailed(f"The model cannot be reached ({name})", retryable=True)
    if failure == "unreadable":
        return unreadable(name)
    return ModelFailed(f"The model did not answer to the end ({name})", retryable=True)


def unwritable() -> ModelFailed:
    return ModelFailed("The model cannot be asked: the address, the key or the input cannot be written")


def unreadable(what: str) -> ModelFailed:
    return ModelFailed(f"The model's answer cannot be read: {what}", retryable=True)


def refused(status: int, headers: Mapping[str, str], body: object, ours: Ours) -> ModelFailed:
    """For an answer that is no 2xx."""
    code, kind, said = _said(body)
    passing = status in (408, 409, 429) or status >= 500
    should = headers.get("x-should-retry", "").strip().lower()
    if should in ("true", "false"):
        passing = should == "true"
    if _QUOTA in (code, kind):
        passing = False
    what = f"HTTP {status}" + (f" {word(code or kind)}" if code or kind else "")
    if 300 <= status < 400:
        said = "its address redirects"
    said = ours.not_in(said)
    message = f"The model {'cannot answer now' if passing else 'refuses'}: {what}" + (f": {said}" if said else "")
    return ModelFailed(message[:_LONGEST], retryable=passing, retry_after=_pause(headers) if passing else None)


def ended_badly(error: object, ours: Ours) -> ModelFailed:
    """For an error that came with HTTP 200: in a stream, or as a response's own."""
    code, kind, said = _said({"error": error})
    status = int(code) if code.isdecimal() and len(code) == 3 else 0
    told = kind if status and kind else code
    passing = status in (408, 409, 429) or status >= 500 or (not status and told in _PASSING)
    if _QUOTA in (code, kind):
        passing = False
    said = ours.not_in(said)
    what = "The model failed" + (f": {word(told)}" if told else "") + (f": {said}" if said else "")
    return ModelFailed(what, retryable=passing)


def refuses_seals(status: int, body: object) -> bool:
    """Whether a refusal is about sealed reasoning, which not every model and not every server has."""
    error = mapping(mapping(body).get("error"))
    about = f"{text(error.get('param'))} {text(error.get('message'))}"
    return status in (400, 422) and bool(re.search(r"\binclude\b|encrypted content is not supported", about, re.I))


def _said(body: object) -> tuple[str, str, str]:
    """Code (a number is written as one), type and message of an error body, in whichever shape."""
    error = mapping(body).get("error")
    if isinstance(error, str):
        return "", "", error
    told = mapping(error)
    code = told.get("code")
    kind = text(told.get("type")) or text(mapping(told.get("metadata")).get("error_type"))
    return str(code) if isinstance(code, int | str) else "", kind, text(told.get("message"))


def _pause(headers: Mapping[str, str]) -> float | None:
    """Milliseconds before seconds, as OpenAI's own client has it."""
    exact = pause(headers.get("retry-after-ms", ""))
    return exact / 1000 if exact is not None else pause(headers.get("retry-after", ""))


def _texts(items: Iterable[Json]) -> list[str]:
    """All that people, tools and the model itself have said in an input."""
    found: list[str] = []
    for item in items:
        for name in ("content", "arguments", "output"):
            value = item.get(name)
            found += [text(value), *(text(part.get("text")) for part in mappings(value))]
    return [one for one in found if one]
