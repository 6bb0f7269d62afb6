"""Settings of operations, of the reconciler and of the retention."""

from dataclasses import dataclass

from ..errors import InvalidSetting
from .environment import read_choice, read_number

__all__ = ["ReconcileSettings", "RetentionSettings", "Timeouts"]


_MIN_AUDIT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Waiting times, in seconds."""

    response_timeout: float
    """How long a request waits for its operation before it responds with 202 (API Gateway's limit is 30 s)."""
    settle_time: float
    """How long after a write with an unknown outcome an empty listing proves that nothing was created."""
    claim_takeover_age: float
    """The age from which a claim of an idempotency key without a response can be taken over by a repeated request. It
    must exceed the timeout of every endpoint, or both would do the work."""

    @classmethod
    def load(cls) -> "Timeouts":
        """Load them. Raises InvalidSetting."""
        return cls(
            response_timeout=read_number("ANSWER_WITHIN_SECONDS", 25),
            settle_time=read_number("SETTLE_SECONDS", 10),
            claim_takeover_age=read_number("IDEMPOTENCY_TAKEOVER_SECONDS", 60),
        )


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """When the reconciler acts. Times in seconds."""

    stalled_after: float
    """How long an operation must be without progress before it is resumed."""
    orphan_after: float
    """How far apart two sightings of an unknown resource must be for it to count as an orphan."""
    delete_orphans: bool
    """Whether orphans are deleted (ORPHANS=delete) or only reported."""

    @classmethod
    def load(cls) -> "ReconcileSettings":
        """Load them. Raises InvalidSetting."""
        return cls(
            stalled_after=read_number("RECONCILE_AFTER_SECONDS", 600),
            orphan_after=read_number("ORPHAN_AFTER_SECONDS", 3600),
            delete_orphans=read_choice("ORPHANS", ("report", "delete"), "report") == "delete",
        )


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How many days rows are kept after their last change; 0 keeps them for ever."""

    prompt_days: float
    """Ended prompts without a conversation, and conversations that nobody uses, with all their prompts."""
    operation_days: float
    """Operations of instances of which nothing exists any more."""
    audit_days: float
    """Entries of the audit log: 30 at least, if not 0."""

    @classmethod
    def load(cls) -> "RetentionSettings":
        """Load them. Raises InvalidSetting."""
        audit_days = read_number("AUDIT_RETENTION_DAYS", 365)
        if 0 < audit_days < _MIN_AUDIT_DAYS:
            raise InvalidSetting("AUDIT_RETENTION_DAYS", f"0 for ever, or at least {_MIN_AUDIT_DAYS}")
        return cls(
            audit_days=audit_days,
            prompt_days=read_number("PROMPT_RETENTION_DAYS", 90),
            operation_days=read_number("OPERATION_RETENTION_DAYS", 90),
        )
