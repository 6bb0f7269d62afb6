from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="InstanceCreatedData")


@_attrs_define
class InstanceCreatedData:
    """
    Attributes:
        instance_id (str):
        deploy_status (None | str):
    """

    instance_id: str
    deploy_status: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instance_id = self.instance_id

        deploy_status: None | str
        deploy_status = self.deploy_status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "instanceId": instance_id,
                "deployStatus": deploy_status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        instance_id = d.pop("instanceId")

        def _parse_deploy_status(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        deploy_status = _parse_deploy_status(d.pop("deployStatus"))

        instance_created_data = cls(
            instance_id=instance_id,
            deploy_status=deploy_status,
        )

        instance_created_data.additional_properties = d
        return instance_created_data

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
