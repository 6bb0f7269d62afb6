from typing import Literal

ScheduleStateOutcome = Literal["failed", "interrupted", "running", "succeeded"]

SCHEDULE_STATE_OUTCOME_VALUES: set[ScheduleStateOutcome] = {
    "failed",
    "interrupted",
    "running",
    "succeeded",
}


def check_schedule_state_outcome(value: str) -> ScheduleStateOutcome:
    if value in SCHEDULE_STATE_OUTCOME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCHEDULE_STATE_OUTCOME_VALUES!r}")
