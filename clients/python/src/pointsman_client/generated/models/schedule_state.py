from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.schedule_state_name import ScheduleStateName, check_schedule_state_name
from ..models.schedule_state_outcome import (
    ScheduleStateOutcome,
    check_schedule_state_outcome,
)

T = TypeVar("T", bound="ScheduleState")


@_attrs_define
class ScheduleState:
    """Its last run, null if it never ran. `isOverdue`: none has succeeded for so long that an alarm is on.

    Attributes:
        name (ScheduleStateName):
        every_seconds (int):
        outcome (None | ScheduleStateOutcome):
        started_at (datetime.datetime | None):
        ended_at (datetime.datetime | None):
        succeeded_at (datetime.datetime | None):
        error (None | str):
        is_overdue (bool):
    """

    name: ScheduleStateName
    every_seconds: int
    outcome: None | ScheduleStateOutcome
    started_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    succeeded_at: datetime.datetime | None
    error: None | str
    is_overdue: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name: str = self.name

        every_seconds = self.every_seconds

        outcome: None | str
        if isinstance(self.outcome, str):
            outcome = self.outcome
        else:
            outcome = self.outcome

        started_at: None | str
        if isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        succeeded_at: None | str
        if isinstance(self.succeeded_at, datetime.datetime):
            succeeded_at = self.succeeded_at.isoformat()
        else:
            succeeded_at = self.succeeded_at

        error: None | str
        error = self.error

        is_overdue = self.is_overdue

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "everySeconds": every_seconds,
                "outcome": outcome,
                "startedAt": started_at,
                "endedAt": ended_at,
                "succeededAt": succeeded_at,
                "error": error,
                "isOverdue": is_overdue,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = check_schedule_state_name(d.pop("name"))

        every_seconds = d.pop("everySeconds")

        def _parse_outcome(data: object) -> None | ScheduleStateOutcome:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                outcome_type_0 = check_schedule_state_outcome(data)

                return outcome_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ScheduleStateOutcome, data)

        outcome = _parse_outcome(d.pop("outcome"))

        def _parse_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)

                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        started_at = _parse_started_at(d.pop("startedAt"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("endedAt"))

        def _parse_succeeded_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                succeeded_at_type_0 = datetime.datetime.fromisoformat(data)

                return succeeded_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        succeeded_at = _parse_succeeded_at(d.pop("succeededAt"))

        def _parse_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error = _parse_error(d.pop("error"))

        is_overdue = d.pop("isOverdue")

        schedule_state = cls(
            name=name,
            every_seconds=every_seconds,
            outcome=outcome,
            started_at=started_at,
            ended_at=ended_at,
            succeeded_at=succeeded_at,
            error=error,
            is_overdue=is_overdue,
        )

        schedule_state.additional_properties = d
        return schedule_state

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
