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
    from ..models.approval_requested_data import ApprovalRequestedData


T = TypeVar("T", bound="ApprovalRequestedMessage")


@_attrs_define
class ApprovalRequestedMessage:
    """A prompt waits for a person, who is shown the call's input by the list of approvals.

    Attributes:
        type_ (Literal['approval.requested']):
        timestamp (datetime.datetime):
        data (ApprovalRequestedData):
    """

    type_: Literal["approval.requested"]
    timestamp: datetime.datetime
    data: ApprovalRequestedData
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
        from ..models.approval_requested_data import ApprovalRequestedData  # noqa: PLC0415

        d = dict(src_dict)
        type_ = cast(Literal["approval.requested"], d.pop("type"))
        if type_ != "approval.requested":
            raise ValueError(f"type must match const 'approval.requested', got '{type_}'")

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        data = ApprovalRequestedData.from_dict(d.pop("data"))

        approval_requested_message = cls(
            type_=type_,
            timestamp=timestamp,
            data=data,
        )

        approval_requested_message.additional_properties = d
        return approval_requested_message

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
