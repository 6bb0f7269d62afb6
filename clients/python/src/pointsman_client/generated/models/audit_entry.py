from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.audit_entry_outcome import AuditEntryOutcome, check_audit_entry_outcome

if TYPE_CHECKING:
    from ..models.audit_actor import AuditActor
    from ..models.audit_entry_details import AuditEntryDetails
    from ..models.audit_target import AuditTarget


T = TypeVar("T", bound="AuditEntry")


@_attrs_define
class AuditEntry:
    """One change. `started` is followed by another entry of the same request, with the outcome.

    Attributes:
        id (str):
        at (datetime.datetime):
        actor (AuditActor):
        address (None | str):
        user_agent (None | str):
        action (str):
        target (AuditTarget):
        outcome (AuditEntryOutcome):
        request_id (None | str):
        operation_id (None | str):
        details (AuditEntryDetails):
    """

    id: str
    at: datetime.datetime
    actor: AuditActor
    address: None | str
    user_agent: None | str
    action: str
    target: AuditTarget
    outcome: AuditEntryOutcome
    request_id: None | str
    operation_id: None | str
    details: AuditEntryDetails
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        at = self.at.isoformat()

        actor = self.actor.to_dict()

        address: None | str
        address = self.address

        user_agent: None | str
        user_agent = self.user_agent

        action = self.action

        target = self.target.to_dict()

        outcome: str = self.outcome

        request_id: None | str
        request_id = self.request_id

        operation_id: None | str
        operation_id = self.operation_id

        details = self.details.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "at": at,
                "actor": actor,
                "address": address,
                "userAgent": user_agent,
                "action": action,
                "target": target,
                "outcome": outcome,
                "requestId": request_id,
                "operationId": operation_id,
                "details": details,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.audit_actor import AuditActor  # noqa: PLC0415
        from ..models.audit_entry_details import AuditEntryDetails  # noqa: PLC0415
        from ..models.audit_target import AuditTarget  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        actor = AuditActor.from_dict(d.pop("actor"))

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        def _parse_user_agent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        user_agent = _parse_user_agent(d.pop("userAgent"))

        action = d.pop("action")

        target = AuditTarget.from_dict(d.pop("target"))

        outcome = check_audit_entry_outcome(d.pop("outcome"))

        def _parse_request_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        request_id = _parse_request_id(d.pop("requestId"))

        def _parse_operation_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        operation_id = _parse_operation_id(d.pop("operationId"))

        details = AuditEntryDetails.from_dict(d.pop("details"))

        audit_entry = cls(
            id=id,
            at=at,
            actor=actor,
            address=address,
            user_agent=user_agent,
            action=action,
            target=target,
            outcome=outcome,
            request_id=request_id,
            operation_id=operation_id,
            details=details,
        )

        audit_entry.additional_properties = d
        return audit_entry

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
