from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.prompt_ended_data_status import (
    PromptEndedDataStatus,
    check_prompt_ended_data_status,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="PromptEndedData")


@_attrs_define
class PromptEndedData:
    """
    Attributes:
        prompt_id (str):
        status (PromptEndedDataStatus):
        conversation_id (str | Unset):
    """

    prompt_id: str
    status: PromptEndedDataStatus
    conversation_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        prompt_id = self.prompt_id

        status: str = self.status

        conversation_id = self.conversation_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "promptId": prompt_id,
                "status": status,
            }
        )
        if conversation_id is not UNSET:
            field_dict["conversationId"] = conversation_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        prompt_id = d.pop("promptId")

        status = check_prompt_ended_data_status(d.pop("status"))

        conversation_id = d.pop("conversationId", UNSET)

        prompt_ended_data = cls(
            prompt_id=prompt_id,
            status=status,
            conversation_id=conversation_id,
        )

        prompt_ended_data.additional_properties = d
        return prompt_ended_data

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
