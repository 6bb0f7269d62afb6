from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.approval_decided_data_decision import (
    ApprovalDecidedDataDecision,
    check_approval_decided_data_decision,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="ApprovalDecidedData")


@_attrs_define
class ApprovalDecidedData:
    """
    Attributes:
        prompt_id (str):
        tool_call_id (str):
        tool_name (str):
        decision (ApprovalDecidedDataDecision):
        decided_by (str | Unset):
    """

    prompt_id: str
    tool_call_id: str
    tool_name: str
    decision: ApprovalDecidedDataDecision
    decided_by: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        prompt_id = self.prompt_id

        tool_call_id = self.tool_call_id

        tool_name = self.tool_name

        decision: str = self.decision

        decided_by = self.decided_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "promptId": prompt_id,
                "toolCallId": tool_call_id,
                "toolName": tool_name,
                "decision": decision,
            }
        )
        if decided_by is not UNSET:
            field_dict["decidedBy"] = decided_by

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        prompt_id = d.pop("promptId")

        tool_call_id = d.pop("toolCallId")

        tool_name = d.pop("toolName")

        decision = check_approval_decided_data_decision(d.pop("decision"))

        decided_by = d.pop("decidedBy", UNSET)

        approval_decided_data = cls(
            prompt_id=prompt_id,
            tool_call_id=tool_call_id,
            tool_name=tool_name,
            decision=decision,
            decided_by=decided_by,
        )

        approval_decided_data.additional_properties = d
        return approval_decided_data

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
