from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.operation_ended_message_type import (
    OperationEndedMessageType,
    check_operation_ended_message_type,
)

if TYPE_CHECKING:
    from ..models.operation_ended_data import OperationEndedData


T = TypeVar("T", bound="OperationEndedMessage")


@_attrs_define
class OperationEndedMessage:
    """An operation has ended; its page has the result or the error. A leaked one may end once more, as `failed`.

    Attributes:
        type_ (OperationEndedMessageType):
        timestamp (datetime.datetime):
        data (OperationEndedData):
    """

    type_: OperationEndedMessageType
    timestamp: datetime.datetime
    data: OperationEndedData
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_: str = self.type_

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
        from ..models.operation_ended_data import OperationEndedData  # noqa: PLC0415

        d = dict(src_dict)
        type_ = check_operation_ended_message_type(d.pop("type"))

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        data = OperationEndedData.from_dict(d.pop("data"))

        operation_ended_message = cls(
            type_=type_,
            timestamp=timestamp,
            data=data,
        )

        operation_ended_message.additional_properties = d
        return operation_ended_message

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
