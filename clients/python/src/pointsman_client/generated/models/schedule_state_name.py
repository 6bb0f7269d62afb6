from typing import Literal

ScheduleStateName = Literal["prompt_recovery", "reconciler", "retention", "status_poller", "webhook_delivery"]

SCHEDULE_STATE_NAME_VALUES: set[ScheduleStateName] = {
    "prompt_recovery",
    "reconciler",
    "retention",
    "status_poller",
    "webhook_delivery",
}


def check_schedule_state_name(value: str) -> ScheduleStateName:
    if value in SCHEDULE_STATE_NAME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCHEDULE_STATE_NAME_VALUES!r}")
