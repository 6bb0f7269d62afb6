from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Approval")


@_attrs_define
class Approval:
    """`input`, where it is sent along, must be the one that was shown.

    Attributes:
        tool_call_id (str):
        input_ (Any | Unset):
    """

    tool_call_id: str
    input_: Any | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        tool_call_id = self.tool_call_id

        input_ = self.input_

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "toolCallId": tool_call_id,
            }
        )
        if input_ is not UNSET:
            field_dict["input"] = input_

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        tool_call_id = d.pop("toolCallId")

        input_ = d.pop("input", UNSET)

        approval = cls(
            tool_call_id=tool_call_id,
            input_=input_,
        )

        return approval
