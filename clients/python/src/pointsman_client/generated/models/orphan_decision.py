from typing import Literal

OrphanDecision = Literal["deleted", "failed", "postponed", "refused", "reported", "resolved", "watched"]

ORPHAN_DECISION_VALUES: set[OrphanDecision] = {
    "deleted",
    "failed",
    "postponed",
    "refused",
    "reported",
    "resolved",
    "watched",
}


def check_orphan_decision(value: str) -> OrphanDecision:
    if value in ORPHAN_DECISION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORPHAN_DECISION_VALUES!r}")
