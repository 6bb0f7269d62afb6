from typing import Literal

ListOrphansDecision = Literal["deleted", "failed", "postponed", "refused", "reported", "resolved", "watched"]

LIST_ORPHANS_DECISION_VALUES: set[ListOrphansDecision] = {
    "deleted",
    "failed",
    "postponed",
    "refused",
    "reported",
    "resolved",
    "watched",
}


def check_list_orphans_decision(value: str) -> ListOrphansDecision:
    if value in LIST_ORPHANS_DECISION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_ORPHANS_DECISION_VALUES!r}")
