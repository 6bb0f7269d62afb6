from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.operation_resource_kind import (
    OperationResourceKind,
    check_operation_resource_kind,
)
from ..models.operation_resource_provider import (
    OperationResourceProvider,
    check_operation_resource_provider,
)
from ..models.operation_resource_state import (
    OperationResourceState,
    check_operation_resource_state,
)

T = TypeVar("T", bound="OperationResource")


@_attrs_define
class OperationResource:
    """What it was to create, or has deleted: `intended` means that the provider has not confirmed the last call yet.

    Attributes:
        provider (OperationResourceProvider):
        kind (OperationResourceKind):
        resource_id (None | str):
        state (OperationResourceState):
        attempted_at (datetime.datetime):
    """

    provider: OperationResourceProvider
    kind: OperationResourceKind
    resource_id: None | str
    state: OperationResourceState
    attempted_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        provider: str = self.provider

        kind: str = self.kind

        resource_id: None | str
        resource_id = self.resource_id

        state: str = self.state

        attempted_at = self.attempted_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "provider": provider,
                "kind": kind,
                "resourceId": resource_id,
                "state": state,
                "attemptedAt": attempted_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        provider = check_operation_resource_provider(d.pop("provider"))

        kind = check_operation_resource_kind(d.pop("kind"))

        def _parse_resource_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        resource_id = _parse_resource_id(d.pop("resourceId"))

        state = check_operation_resource_state(d.pop("state"))

        attempted_at = datetime.datetime.fromisoformat(d.pop("attemptedAt"))

        operation_resource = cls(
            provider=provider,
            kind=kind,
            resource_id=resource_id,
            state=state,
            attempted_at=attempted_at,
        )

        operation_resource.additional_properties = d
        return operation_resource

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
