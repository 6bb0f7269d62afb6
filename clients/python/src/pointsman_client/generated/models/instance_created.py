from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.instance_created_services import InstanceCreatedServices


T = TypeVar("T", bound="InstanceCreated")


@_attrs_define
class InstanceCreated:
    """`warnings` tell what an instance has to do without: limits, volume, domain, or a name that the fleet lists.

    Attributes:
        instance_id (str):
        service_id (str):
        url (None | str):
        services (InstanceCreatedServices):
        warnings (list[str] | Unset):
    """

    instance_id: str
    service_id: str
    url: None | str
    services: InstanceCreatedServices
    warnings: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instance_id = self.instance_id

        service_id = self.service_id

        url: None | str
        url = self.url

        services = self.services.to_dict()

        warnings: list[str] | Unset = UNSET
        if not isinstance(self.warnings, Unset):
            warnings = self.warnings

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "instanceId": instance_id,
                "serviceId": service_id,
                "url": url,
                "services": services,
            }
        )
        if warnings is not UNSET:
            field_dict["warnings"] = warnings

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.instance_created_services import InstanceCreatedServices  # noqa: PLC0415

        d = dict(src_dict)
        instance_id = d.pop("instanceId")

        service_id = d.pop("serviceId")

        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))

        services = InstanceCreatedServices.from_dict(d.pop("services"))

        warnings = cast(list[str], d.pop("warnings", UNSET))

        instance_created = cls(
            instance_id=instance_id,
            service_id=service_id,
            url=url,
            services=services,
            warnings=warnings,
        )

        instance_created.additional_properties = d
        return instance_created

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
