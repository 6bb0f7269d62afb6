"""Waiting times."""

from dataclasses import dataclass

from .environment import number

__all__ = ["Tuning"]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Waiting times, in seconds."""

    answer_within: float
    """How long an operation is waited for before the answer is 202 (the gateway cuts off at 30 s)."""
    settle: float
    """How long after a write without an answer an empty listing proves that nothing was made."""
    takeover: float
    """How old an idempotency key's claim without an answer must be for a repeat to do the work (over any endpoint's
    timeout, or both would)."""

    @classmethod
    def load(cls) -> "Tuning":
        return cls(
            answer_within=number("ANSWER_WITHIN_SECONDS", 25),
            settle=number("SETTLE_SECONDS", 10),
            takeover=number("IDEMPOTENCY_TAKEOVER_SECONDS", 60),
        )
