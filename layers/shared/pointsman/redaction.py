"""Taking secrets out of what providers say, before it reaches an error message."""

import re
from collections.abc import Iterable

__all__ = ["redact", "redact_code"]

MAX_LENGTH = 200
"""Characters of a provider's text that a message of ours may hold."""

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
    """The text on one line, at most 200 characters, without the given secrets and whatever looks like one."""
    for secret in sorted({one for one in secrets if len(one) >= 4}, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join(_SECRET_PATTERN.sub("***", text[:10_000]).split())
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def redact_code(code: str) -> str:
    """The code if it looks like a word of a fixed vocabulary, else a question mark."""
    return code if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", code) and not _SECRET_PATTERN.search(code) else "?"
