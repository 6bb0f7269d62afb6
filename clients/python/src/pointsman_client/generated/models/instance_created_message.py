from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.instance_created_data import InstanceCreatedData


T = TypeVar("T", bound="InstanceCreatedMessage")


@_attrs_define
class InstanceCreatedMessage:
    """
    Attributes:
        type_ (Literal['instance.created']):
        timestamp (datetime.datetime):
        data (InstanceCreatedData):
    """

    type_: Literal["instance.created"]
    timestamp: datetime.datetime
    data: InstanceCreatedData
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        timestamp = self.timestamp.isoformat()

        data = self.data.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "timestamp": timestamp,
                "data": data,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.instance_created_data import InstanceCreatedData  # noqa: PLC0415

        d = dict(src_dict)
        type_ = cast(Literal["instance.created"], d.pop("type"))
        if type_ != "instance.created":
            raise ValueError(f"type must match const 'instance.created', got '{type_}'")

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        data = InstanceCreatedData.from_dict(d.pop("data"))

        instance_created_message = cls(
            type_=type_,
            timestamp=timestamp,
            data=data,
        )

        instance_created_message.additional_properties = d
        return instance_created_message

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
