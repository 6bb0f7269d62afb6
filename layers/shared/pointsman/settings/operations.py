"""Waiting times."""

from dataclasses import dataclass

from .environment import read_choice, read_number

__all__ = ["ReconcileSettings", "Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Waiting times, in seconds."""

    response_timeout: float
    """How long an operation is waited for before the answer is 202 (the gateway cuts off at 30 s)."""
    settle_time: float
    """How long after a write without an answer an empty listing proves that nothing was made."""
    claim_takeover_age: float
    """How old an idempotency key's claim without an answer must be for a repeat to do the work (over any endpoint's
    timeout, or both would)."""

    @classmethod
    def load(cls) -> "Timeouts":
        return cls(
            response_timeout=read_number("ANSWER_WITHIN_SECONDS", 25),
            settle_time=read_number("SETTLE_SECONDS", 10),
            claim_takeover_age=read_number("IDEMPOTENCY_TAKEOVER_SECONDS", 60),
        )


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """Times in seconds."""

    stalled_after: float
    """How long nothing must have been heard of an operation before it is gone on with."""
    orphan_after: float
    """How far apart two sightings of a resource that nobody knows must be."""
    delete_orphans: bool

    @classmethod
    def load(cls) -> "ReconcileSettings":
        return cls(
            stalled_after=read_number("RECONCILE_AFTER_SECONDS", 600),
            orphan_after=read_number("ORPHAN_AFTER_SECONDS", 3600),
            delete_orphans=read_choice("ORPHANS", ("report", "delete"), "report") == "delete",
        )
