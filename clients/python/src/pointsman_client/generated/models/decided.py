from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.decided_status import DecidedStatus, check_decided_status

T = TypeVar("T", bound="Decided")


@_attrs_define
class Decided:
    """
    Attributes:
        prompt_id (str):
        tool_call_id (str):
        status (DecidedStatus):
    """

    prompt_id: str
    tool_call_id: str
    status: DecidedStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        prompt_id = self.prompt_id

        tool_call_id = self.tool_call_id

        status: str = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "promptId": prompt_id,
                "toolCallId": tool_call_id,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        prompt_id = d.pop("promptId")

        tool_call_id = d.pop("toolCallId")

        status = check_decided_status(d.pop("status"))

        decided = cls(
            prompt_id=prompt_id,
            tool_call_id=tool_call_id,
            status=status,
        )

        decided.additional_properties = d
        return decided

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
