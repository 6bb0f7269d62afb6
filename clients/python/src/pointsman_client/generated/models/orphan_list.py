from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.orphan import Orphan


T = TypeVar("T", bound="OrphanList")


@_attrs_define
class OrphanList:
    """Those that were first seen last come first; `nextCursor` is there if there are more.

    Attributes:
        orphans (list[Orphan]):
        next_cursor (str | Unset):
    """

    orphans: list[Orphan]
    next_cursor: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        orphans = []
        for orphans_item_data in self.orphans:
            orphans_item = orphans_item_data.to_dict()
            orphans.append(orphans_item)

        next_cursor = self.next_cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "orphans": orphans,
            }
        )
        if next_cursor is not UNSET:
            field_dict["nextCursor"] = next_cursor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.orphan import Orphan  # noqa: PLC0415

        d = dict(src_dict)
        orphans = []
        _orphans = d.pop("orphans")
        for orphans_item_data in _orphans:
            orphans_item = Orphan.from_dict(orphans_item_data)

            orphans.append(orphans_item)

        next_cursor = d.pop("nextCursor", UNSET)

        orphan_list = cls(
            orphans=orphans,
            next_cursor=next_cursor,
        )

        orphan_list.additional_properties = d
        return orphan_list

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
