"""When the reconciler acts, and what it may do."""

from dataclasses import dataclass

from ..errors import MissingSetting
from .environment import read_number, read_optional

__all__ = ["ReconcileSettings"]


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
        orphans = read_optional("ORPHANS", "report")
        if orphans not in ("report", "delete"):
            raise MissingSetting("ORPHANS", "report or delete")
        return cls(
            stalled_after=read_number("RECONCILE_AFTER_SECONDS", 600),
            orphan_after=read_number("ORPHAN_AFTER_SECONDS", 3600),
            delete_orphans=orphans == "delete",
        )
