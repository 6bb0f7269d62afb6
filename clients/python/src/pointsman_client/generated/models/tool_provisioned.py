from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ToolProvisioned")


@_attrs_define
class ToolProvisioned:
    """
    Attributes:
        tool_id (str):
        resource_id (str):
        env_key (str):
        status (Literal['active']):
    """

    tool_id: str
    resource_id: str
    env_key: str
    status: Literal["active"]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        tool_id = self.tool_id

        resource_id = self.resource_id

        env_key = self.env_key

        status = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "toolId": tool_id,
                "resourceId": resource_id,
                "envKey": env_key,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        tool_id = d.pop("toolId")

        resource_id = d.pop("resourceId")

        env_key = d.pop("envKey")

        status = cast(Literal["active"], d.pop("status"))
        if status != "active":
            raise ValueError(f"status must match const 'active', got '{status}'")

        tool_provisioned = cls(
            tool_id=tool_id,
            resource_id=resource_id,
            env_key=env_key,
            status=status,
        )

        tool_provisioned.additional_properties = d
        return tool_provisioned

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
