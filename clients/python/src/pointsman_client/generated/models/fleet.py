from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.service_status import ServiceStatus


T = TypeVar("T", bound="Fleet")


@_attrs_define
class Fleet:
    """With `maxAgeSeconds`, when the listing began, and the seconds since then: 0 for a live one.

    Attributes:
        project_id (str):
        services (list[ServiceStatus]):
        as_of (datetime.datetime | Unset):
        age_seconds (float | Unset):
    """

    project_id: str
    services: list[ServiceStatus]
    as_of: datetime.datetime | Unset = UNSET
    age_seconds: float | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        project_id = self.project_id

        services = []
        for services_item_data in self.services:
            services_item = services_item_data.to_dict()
            services.append(services_item)

        as_of: str | Unset = UNSET
        if not isinstance(self.as_of, Unset):
            as_of = self.as_of.isoformat()

        age_seconds = self.age_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "projectId": project_id,
                "services": services,
            }
        )
        if as_of is not UNSET:
            field_dict["asOf"] = as_of
        if age_seconds is not UNSET:
            field_dict["ageSeconds"] = age_seconds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.service_status import ServiceStatus  # noqa: PLC0415

        d = dict(src_dict)
        project_id = d.pop("projectId")

        services = []
        _services = d.pop("services")
        for services_item_data in _services:
            services_item = ServiceStatus.from_dict(services_item_data)

            services.append(services_item)

        _as_of = d.pop("asOf", UNSET)
        as_of: datetime.datetime | Unset
        if isinstance(_as_of, Unset):
            as_of = UNSET
        else:
            as_of = datetime.datetime.fromisoformat(_as_of)

        age_seconds = d.pop("ageSeconds", UNSET)

        fleet = cls(
            project_id=project_id,
            services=services,
            as_of=as_of,
            age_seconds=age_seconds,
        )

        fleet.additional_properties = d
        return fleet

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
