from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.tool_listing_input import ToolListingInput
    from ..models.tool_listing_output import ToolListingOutput


T = TypeVar("T", bound="ToolListing")


@_attrs_define
class ToolListing:
    """A tool; `input` and `output` are JSON Schemas.

    Attributes:
        id (str):
        description (str):
        input_ (ToolListingInput):
        output (ToolListingOutput):
        tag (str | Unset):
    """

    id: str
    description: str
    input_: ToolListingInput
    output: ToolListingOutput
    tag: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        description = self.description

        input_ = self.input_.to_dict()

        output = self.output.to_dict()

        tag = self.tag

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "description": description,
                "input": input_,
                "output": output,
            }
        )
        if tag is not UNSET:
            field_dict["tag"] = tag

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.tool_listing_input import ToolListingInput  # noqa: PLC0415
        from ..models.tool_listing_output import ToolListingOutput  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        description = d.pop("description")

        input_ = ToolListingInput.from_dict(d.pop("input"))

        output = ToolListingOutput.from_dict(d.pop("output"))

        tag = d.pop("tag", UNSET)

        tool_listing = cls(
            id=id,
            description=description,
            input_=input_,
            output=output,
            tag=tag,
        )

        tool_listing.additional_properties = d
        return tool_listing

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
