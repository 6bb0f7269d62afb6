from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="FileOutput")


@_attrs_define
class FileOutput:
    """
    Attributes:
        type_ (Literal['file']):
        path (str):
        start (datetime.datetime):
        end (datetime.datetime):
        mime_type (str | Unset):
        description (str | Unset):
    """

    type_: Literal["file"]
    path: str
    start: datetime.datetime
    end: datetime.datetime
    mime_type: str | Unset = UNSET
    description: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        path = self.path

        start = self.start.isoformat()

        end = self.end.isoformat()

        mime_type = self.mime_type

        description = self.description

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "path": path,
                "start": start,
                "end": end,
            }
        )
        if mime_type is not UNSET:
            field_dict["mimeType"] = mime_type
        if description is not UNSET:
            field_dict["description"] = description

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = cast(Literal["file"], d.pop("type"))
        if type_ != "file":
            raise ValueError(f"type must match const 'file', got '{type_}'")

        path = d.pop("path")

        start = datetime.datetime.fromisoformat(d.pop("start"))

        end = datetime.datetime.fromisoformat(d.pop("end"))

        mime_type = d.pop("mimeType", UNSET)

        description = d.pop("description", UNSET)

        file_output = cls(
            type_=type_,
            path=path,
            start=start,
            end=end,
            mime_type=mime_type,
            description=description,
        )

        file_output.additional_properties = d
        return file_output

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
