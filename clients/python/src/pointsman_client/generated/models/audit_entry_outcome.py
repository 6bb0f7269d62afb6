from typing import Literal

AuditEntryOutcome = Literal["failed", "leaked", "skipped", "started", "succeeded", "unknown"]

AUDIT_ENTRY_OUTCOME_VALUES: set[AuditEntryOutcome] = {
    "failed",
    "leaked",
    "skipped",
    "started",
    "succeeded",
    "unknown",
}


def check_audit_entry_outcome(value: str) -> AuditEntryOutcome:
    if value in AUDIT_ENTRY_OUTCOME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {AUDIT_ENTRY_OUTCOME_VALUES!r}")
