from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="PromptDecidedEvent2")


@_attrs_define
class PromptDecidedEvent2:
    """The approval was decided or has expired; with `events=all` only

    Attributes:
        event (Literal['prompt.decided']):
        data (str):
        id (str):
    """

    event: Literal["prompt.decided"]
    data: str
    id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        event = self.event

        data = self.data

        id = self.id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event": event,
                "data": data,
                "id": id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        event = cast(Literal["prompt.decided"], d.pop("event"))
        if event != "prompt.decided":
            raise ValueError(f"event must match const 'prompt.decided', got '{event}'")

        data = d.pop("data")

        id = d.pop("id")

        prompt_decided_event_2 = cls(
            event=event,
            data=data,
            id=id,
        )

        prompt_decided_event_2.additional_properties = d
        return prompt_decided_event_2

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
