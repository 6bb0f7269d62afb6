from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.instance_tool_meta import InstanceToolMeta


T = TypeVar("T", bound="InstanceTool")


@_attrs_define
class InstanceTool:
    """
    Attributes:
        tool_id (str):
        resource_id (str):
        env_key (str):
        status (str):
        meta (InstanceToolMeta):
        created_at (datetime.datetime):
    """

    tool_id: str
    resource_id: str
    env_key: str
    status: str
    meta: InstanceToolMeta
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        tool_id = self.tool_id

        resource_id = self.resource_id

        env_key = self.env_key

        status = self.status

        meta = self.meta.to_dict()

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "toolId": tool_id,
                "resourceId": resource_id,
                "envKey": env_key,
                "status": status,
                "meta": meta,
                "createdAt": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.instance_tool_meta import InstanceToolMeta  # noqa: PLC0415

        d = dict(src_dict)
        tool_id = d.pop("toolId")

        resource_id = d.pop("resourceId")

        env_key = d.pop("envKey")

        status = d.pop("status")

        meta = InstanceToolMeta.from_dict(d.pop("meta"))

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        instance_tool = cls(
            tool_id=tool_id,
            resource_id=resource_id,
            env_key=env_key,
            status=status,
            meta=meta,
            created_at=created_at,
        )

        instance_tool.additional_properties = d
        return instance_tool

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
