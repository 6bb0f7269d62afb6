from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.listed_instance import ListedInstance
    from ..models.status_total import StatusTotal


T = TypeVar("T", bound="InstanceList")


@_attrs_define
class InstanceList:
    """`nextCursor` is there if there are more. `totals`, if asked for, are of the whole fleet.

    Attributes:
        instances (list[ListedInstance]):
        next_cursor (str | Unset):
        totals (list[StatusTotal] | Unset):
    """

    instances: list[ListedInstance]
    next_cursor: str | Unset = UNSET
    totals: list[StatusTotal] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instances = []
        for instances_item_data in self.instances:
            instances_item = instances_item_data.to_dict()
            instances.append(instances_item)

        next_cursor = self.next_cursor

        totals: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.totals, Unset):
            totals = []
            for totals_item_data in self.totals:
                totals_item = totals_item_data.to_dict()
                totals.append(totals_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "instances": instances,
            }
        )
        if next_cursor is not UNSET:
            field_dict["nextCursor"] = next_cursor
        if totals is not UNSET:
            field_dict["totals"] = totals

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.listed_instance import ListedInstance  # noqa: PLC0415
        from ..models.status_total import StatusTotal  # noqa: PLC0415

        d = dict(src_dict)
        instances = []
        _instances = d.pop("instances")
        for instances_item_data in _instances:
            instances_item = ListedInstance.from_dict(instances_item_data)

            instances.append(instances_item)

        next_cursor = d.pop("nextCursor", UNSET)

        _totals = d.pop("totals", UNSET)
        totals: list[StatusTotal] | Unset = UNSET
        if _totals is not UNSET:
            totals = []
            for totals_item_data in _totals:
                totals_item = StatusTotal.from_dict(totals_item_data)

                totals.append(totals_item)

        instance_list = cls(
            instances=instances,
            next_cursor=next_cursor,
            totals=totals,
        )

        instance_list.additional_properties = d
        return instance_list

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
