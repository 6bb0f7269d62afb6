from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.provider_state import ProviderState
    from ..models.schedule_state import ScheduleState
    from ..models.versions import Versions


T = TypeVar("T", bound="HealthDetails")


@_attrs_define
class HealthDetails:
    """
    Attributes:
        versions (Versions):
        schedules (list[ScheduleState]):
        hours (int):
        providers (list[ProviderState]):
    """

    versions: Versions
    schedules: list[ScheduleState]
    hours: int
    providers: list[ProviderState]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        versions = self.versions.to_dict()

        schedules = []
        for schedules_item_data in self.schedules:
            schedules_item = schedules_item_data.to_dict()
            schedules.append(schedules_item)

        hours = self.hours

        providers = []
        for providers_item_data in self.providers:
            providers_item = providers_item_data.to_dict()
            providers.append(providers_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "versions": versions,
                "schedules": schedules,
                "hours": hours,
                "providers": providers,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.provider_state import ProviderState  # noqa: PLC0415
        from ..models.schedule_state import ScheduleState  # noqa: PLC0415
        from ..models.versions import Versions  # noqa: PLC0415

        d = dict(src_dict)
        versions = Versions.from_dict(d.pop("versions"))

        schedules = []
        _schedules = d.pop("schedules")
        for schedules_item_data in _schedules:
            schedules_item = ScheduleState.from_dict(schedules_item_data)

            schedules.append(schedules_item)

        hours = d.pop("hours")

        providers = []
        _providers = d.pop("providers")
        for providers_item_data in _providers:
            providers_item = ProviderState.from_dict(providers_item_data)

            providers.append(providers_item)

        health_details = cls(
            versions=versions,
            schedules=schedules,
            hours=hours,
            providers=providers,
        )

        health_details.additional_properties = d
        return health_details

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
