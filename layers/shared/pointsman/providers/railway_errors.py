"""What Railway's error texts mean. Most carry the code INTERNAL_SERVER_ERROR on HTTP 200, so the text must tell."""

import re

from .http import Kind, Said
from .reading import mapping, mappings, text

__all__ = ["explain", "meaning"]

_MEANINGS: tuple[tuple[str, Kind], ...] = (
    (r"too quickly|whoa there|too many requests|rate limit|can be created per user every", "throttled"),
    # A project token that is not found is a bad credential, not a missing thing, so this goes before `not found`.
    (r"not authorized|unauthorized|unauthenticated|token not found|invalid token|two factor", "unauthorized"),
    (r"already exists", "taken"),
    (r"cannot redeploy without", "not_ready"),
    (r"cannot redeploy yet|please wait for", "throttled"),
    (r"not found|does not exist", "not_found"),
    (r"try again|problem processing request", "unavailable"),
    (r"limit (?:exceeded|reached)|exceeds? .*limit|upgrade your plan|quota", "limit"),
    (r"cannot query field|unknown argument|must not be empty|is required|invalid", "invalid"),
)
_CODES: dict[str, Kind] = {
    "UNAUTHENTICATED": "unauthorized",
    "GRAPHQL_PARSE_FAILED": "invalid",
    "GRAPHQL_VALIDATION_FAILED": "invalid",
    "BAD_USER_INPUT": "invalid",
}
_SAID_SECONDS = re.compile(r"(?:per|every) (\d{1,4}) ?s", re.IGNORECASE)


def meaning(errors: object) -> Said:
    """What the `errors` of an answer say together: the first that is understood counts, else the outcome is unknown.

    A text that says nothing known (`Problem processing request` and whatever comes new) may follow a mutation that was
    carried out.
    """
    listed = mappings(errors)
    for error in listed:
        message, code = text(error.get("message")), text(mapping(error.get("extensions")).get("code"))
        # A name that somebody chose stands in quotes and may hold any words.
        said = re.sub(r'"[^"]*"', '""', message)
        for pattern, kind in _MEANINGS:
            if re.search(pattern, said, re.IGNORECASE):
                seconds = _pause(message) if kind == "throttled" else None
                return Said(kind, _telling(code), message, seconds)
        if code in _CODES:
            return Said(_CODES[code], code, message)
    first = mapping(listed[0] if listed else None)
    return Said("unavailable", _telling(text(mapping(first.get("extensions")).get("code"))), text(first.get("message")))


def explain(status: int, body: object) -> Said:
    """What an error body with an HTTP error status says."""
    answer = mapping(body)
    errors = answer.get("errors")
    if not mappings(errors):
        return Said(text=text(answer.get("message")))
    said = meaning(errors)
    if said.kind == "unavailable" and status < 500:
        # A 4xx is a refusal before anything ran, whatever it says.
        return Said(None, said.code, said.text)
    return said


def _telling(code: str) -> str:
    return "" if code == "INTERNAL_SERVER_ERROR" else code


def _pause(message: str) -> float | None:
    if "in a sec" in message.lower():
        return 1.0
    found = _SAID_SECONDS.search(message)
    return float(found[1]) if found else None
