from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.prompt_ended_message_type import (
    PromptEndedMessageType,
    check_prompt_ended_message_type,
)

if TYPE_CHECKING:
    from ..models.prompt_ended_data import PromptEndedData


T = TypeVar("T", bound="PromptEndedMessage")


@_attrs_define
class PromptEndedMessage:
    """A prompt has ended; its page has the outputs or the error.

    Attributes:
        type_ (PromptEndedMessageType):
        timestamp (datetime.datetime):
        data (PromptEndedData):
    """

    type_: PromptEndedMessageType
    timestamp: datetime.datetime
    data: PromptEndedData
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
        from ..models.prompt_ended_data import PromptEndedData  # noqa: PLC0415

        d = dict(src_dict)
        type_ = check_prompt_ended_message_type(d.pop("type"))

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        data = PromptEndedData.from_dict(d.pop("data"))

        prompt_ended_message = cls(
            type_=type_,
            timestamp=timestamp,
            data=data,
        )

        prompt_ended_message.additional_properties = d
        return prompt_ended_message

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
