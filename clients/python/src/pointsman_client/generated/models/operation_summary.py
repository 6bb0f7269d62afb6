from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.operation_summary_kind import (
    OperationSummaryKind,
    check_operation_summary_kind,
)
from ..models.operation_summary_status import (
    OperationSummaryStatus,
    check_operation_summary_status,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.asked_by import AskedBy
    from ..models.operation_summary_error import OperationSummaryError


T = TypeVar("T", bound="OperationSummary")


@_attrs_define
class OperationSummary:
    """`isUndoing`: it has failed and is being undone. `askedBy`: null where it is not known.

    Attributes:
        operation_id (str):
        instance_id (str):
        kind (OperationSummaryKind):
        status (OperationSummaryStatus):
        is_undoing (bool):
        asked_by (AskedBy | None):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        error (OperationSummaryError | Unset):
    """

    operation_id: str
    instance_id: str
    kind: OperationSummaryKind
    status: OperationSummaryStatus
    is_undoing: bool
    asked_by: AskedBy | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
    error: OperationSummaryError | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.asked_by import AskedBy  # noqa: PLC0415

        operation_id = self.operation_id

        instance_id = self.instance_id

        kind: str = self.kind

        status: str = self.status

        is_undoing = self.is_undoing

        asked_by: dict[str, Any] | None
        if isinstance(self.asked_by, AskedBy):
            asked_by = self.asked_by.to_dict()
        else:
            asked_by = self.asked_by

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "operationId": operation_id,
                "instanceId": instance_id,
                "kind": kind,
                "status": status,
                "isUndoing": is_undoing,
                "askedBy": asked_by,
                "createdAt": created_at,
                "updatedAt": updated_at,
            }
        )
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.asked_by import AskedBy  # noqa: PLC0415
        from ..models.operation_summary_error import OperationSummaryError  # noqa: PLC0415

        d = dict(src_dict)
        operation_id = d.pop("operationId")

        instance_id = d.pop("instanceId")

        kind = check_operation_summary_kind(d.pop("kind"))

        status = check_operation_summary_status(d.pop("status"))

        is_undoing = d.pop("isUndoing")

        def _parse_asked_by(data: object) -> AskedBy | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                asked_by_type_0 = AskedBy.from_dict(data)

                return asked_by_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AskedBy | None, data)

        asked_by = _parse_asked_by(d.pop("askedBy"))

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        _error = d.pop("error", UNSET)
        error: OperationSummaryError | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = OperationSummaryError.from_dict(_error)

        operation_summary = cls(
            operation_id=operation_id,
            instance_id=instance_id,
            kind=kind,
            status=status,
            is_undoing=is_undoing,
            asked_by=asked_by,
            created_at=created_at,
            updated_at=updated_at,
            error=error,
        )

        operation_summary.additional_properties = d
        return operation_summary

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
