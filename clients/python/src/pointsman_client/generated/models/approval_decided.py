from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.approval_decided_decision import (
    ApprovalDecidedDecision,
    check_approval_decided_decision,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="ApprovalDecided")


@_attrs_define
class ApprovalDecided:
    """How the approval was decided, and by which user; `reason` is that of a rejection.

    Attributes:
        prompt_id (str):
        tool_call_id (str):
        decision (ApprovalDecidedDecision):
        reason (str | Unset):
        decided_by (str | Unset):
    """

    prompt_id: str
    tool_call_id: str
    decision: ApprovalDecidedDecision
    reason: str | Unset = UNSET
    decided_by: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        prompt_id = self.prompt_id

        tool_call_id = self.tool_call_id

        decision: str = self.decision

        reason = self.reason

        decided_by = self.decided_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "promptId": prompt_id,
                "toolCallId": tool_call_id,
                "decision": decision,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason
        if decided_by is not UNSET:
            field_dict["decidedBy"] = decided_by

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        prompt_id = d.pop("promptId")

        tool_call_id = d.pop("toolCallId")

        decision = check_approval_decided_decision(d.pop("decision"))

        reason = d.pop("reason", UNSET)

        decided_by = d.pop("decidedBy", UNSET)

        approval_decided = cls(
            prompt_id=prompt_id,
            tool_call_id=tool_call_id,
            decision=decision,
            reason=reason,
            decided_by=decided_by,
        )

        approval_decided.additional_properties = d
        return approval_decided

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
