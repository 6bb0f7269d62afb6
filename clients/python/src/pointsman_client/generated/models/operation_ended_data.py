from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.operation_ended_data_kind import (
    OperationEndedDataKind,
    check_operation_ended_data_kind,
)
from ..models.operation_ended_data_status import (
    OperationEndedDataStatus,
    check_operation_ended_data_status,
)

T = TypeVar("T", bound="OperationEndedData")


@_attrs_define
class OperationEndedData:
    """
    Attributes:
        instance_id (str):
        operation_id (str):
        kind (OperationEndedDataKind):
        status (OperationEndedDataStatus):
    """

    instance_id: str
    operation_id: str
    kind: OperationEndedDataKind
    status: OperationEndedDataStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instance_id = self.instance_id

        operation_id = self.operation_id

        kind: str = self.kind

        status: str = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "instanceId": instance_id,
                "operationId": operation_id,
                "kind": kind,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        instance_id = d.pop("instanceId")

        operation_id = d.pop("operationId")

        kind = check_operation_ended_data_kind(d.pop("kind"))

        status = check_operation_ended_data_status(d.pop("status"))

        operation_ended_data = cls(
            instance_id=instance_id,
            operation_id=operation_id,
            kind=kind,
            status=status,
        )

        operation_ended_data.additional_properties = d
        return operation_ended_data

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
