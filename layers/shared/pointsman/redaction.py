"""Redaction of secrets in texts of providers, before they reach an error message."""

import re
from collections.abc import Iterable

__all__ = ["redact", "redact_code"]

MAX_LENGTH = 200
"""Length limit of redacted text, in characters."""

_SECRET_PATTERN = re.compile(
    r"""
    \b(?i:bearer)\s+\S+                   # an Authorization header
    | \bsk-[A-Za-z0-9_.-]{3,}             # OpenRouter (sk-or-…), OpenAI
    | \bKEY[A-Za-z0-9_-]{6,}              # Telnyx
    | \bam_[A-Za-z0-9_-]{3,}              # AgentMail
    | \beyJ[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*  # a JSON Web Token
    | (?:0x)?[0-9a-fA-F]{32,}             # wallet keys, generated passwords, hashes
    | (?<=://)[^/\s@]+(?=@)               # user and password in an address
    """,
    re.VERBOSE,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text on one line, at most 200 characters, without the given secrets and anything like a credential.

    Args:
        text: Any text.
        secrets: Known secrets. Those shorter than 4 characters are ignored: they would match inside words.
    """
    for secret in sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join(_SECRET_PATTERN.sub("***", text[:10_000]).split())
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def redact_code(code: str) -> str:
    """Return the code if it looks like a word of a fixed vocabulary, else a question mark."""
    return code if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", code) and not _SECRET_PATTERN.search(code) else "?"
