from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CallStarted")


@_attrs_define
class CallStarted:
    """The tool that begins to run, with the input that its output will have.

    Attributes:
        prompt_id (str):
        tool_call_id (str):
        tool_name (str):
        input_ (Any):
        start (datetime.datetime):
    """

    prompt_id: str
    tool_call_id: str
    tool_name: str
    input_: Any
    start: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        prompt_id = self.prompt_id

        tool_call_id = self.tool_call_id

        tool_name = self.tool_name

        input_ = self.input_

        start = self.start.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "promptId": prompt_id,
                "toolCallId": tool_call_id,
                "toolName": tool_name,
                "input": input_,
                "start": start,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        prompt_id = d.pop("promptId")

        tool_call_id = d.pop("toolCallId")

        tool_name = d.pop("toolName")

        input_ = d.pop("input")

        start = datetime.datetime.fromisoformat(d.pop("start"))

        call_started = cls(
            prompt_id=prompt_id,
            tool_call_id=tool_call_id,
            tool_name=tool_name,
            input_=input_,
            start=start,
        )

        call_started.additional_properties = d
        return call_started

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
