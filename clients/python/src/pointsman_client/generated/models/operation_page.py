from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.operation_page_kind import OperationPageKind, check_operation_page_kind
from ..models.operation_page_status import (
    OperationPageStatus,
    check_operation_page_status,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.operation_page_error import OperationPageError
    from ..models.operation_page_result import OperationPageResult
    from ..models.operation_resource import OperationResource
    from ..models.step_page import StepPage


T = TypeVar("T", bound="OperationPage")


@_attrs_define
class OperationPage:
    """`failed`: undone, nothing is left. `leaked`: something could not be undone yet. `resources` come if asked for.

    Attributes:
        operation_id (str):
        instance_id (str):
        kind (OperationPageKind):
        status (OperationPageStatus):
        steps (list[StepPage]):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        resources (list[OperationResource] | Unset):
        result (OperationPageResult | Unset):
        error (OperationPageError | Unset):
    """

    operation_id: str
    instance_id: str
    kind: OperationPageKind
    status: OperationPageStatus
    steps: list[StepPage]
    created_at: datetime.datetime
    updated_at: datetime.datetime
    resources: list[OperationResource] | Unset = UNSET
    result: OperationPageResult | Unset = UNSET
    error: OperationPageError | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        operation_id = self.operation_id

        instance_id = self.instance_id

        kind: str = self.kind

        status: str = self.status

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        resources: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.resources, Unset):
            resources = []
            for resources_item_data in self.resources:
                resources_item = resources_item_data.to_dict()
                resources.append(resources_item)

        result: dict[str, Any] | Unset = UNSET
        if not isinstance(self.result, Unset):
            result = self.result.to_dict()

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
                "steps": steps,
                "createdAt": created_at,
                "updatedAt": updated_at,
            }
        )
        if resources is not UNSET:
            field_dict["resources"] = resources
        if result is not UNSET:
            field_dict["result"] = result
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.operation_page_error import OperationPageError  # noqa: PLC0415
        from ..models.operation_page_result import OperationPageResult  # noqa: PLC0415
        from ..models.operation_resource import OperationResource  # noqa: PLC0415
        from ..models.step_page import StepPage  # noqa: PLC0415

        d = dict(src_dict)
        operation_id = d.pop("operationId")

        instance_id = d.pop("instanceId")

        kind = check_operation_page_kind(d.pop("kind"))

        status = check_operation_page_status(d.pop("status"))

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = StepPage.from_dict(steps_item_data)

            steps.append(steps_item)

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        _resources = d.pop("resources", UNSET)
        resources: list[OperationResource] | Unset = UNSET
        if _resources is not UNSET:
            resources = []
            for resources_item_data in _resources:
                resources_item = OperationResource.from_dict(resources_item_data)

                resources.append(resources_item)

        _result = d.pop("result", UNSET)
        result: OperationPageResult | Unset
        if isinstance(_result, Unset):
            result = UNSET
        else:
            result = OperationPageResult.from_dict(_result)

        _error = d.pop("error", UNSET)
        error: OperationPageError | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = OperationPageError.from_dict(_error)

        operation_page = cls(
            operation_id=operation_id,
            instance_id=instance_id,
            kind=kind,
            status=status,
            steps=steps,
            created_at=created_at,
            updated_at=updated_at,
            resources=resources,
            result=result,
            error=error,
        )

        operation_page.additional_properties = d
        return operation_page

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
