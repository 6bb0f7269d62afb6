from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.orphan_decision import OrphanDecision, check_orphan_decision
from ..models.orphan_kind import OrphanKind, check_orphan_kind
from ..models.orphan_provider import OrphanProvider, check_orphan_provider

T = TypeVar("T", bound="Orphan")


@_attrs_define
class Orphan:
    """A resource that nothing here knows, and what was decided about it; `decidedAt` is since when and why.

    Attributes:
        id (str):
        provider (OrphanProvider):
        kind (OrphanKind):
        resource_id (str):
        name (str):
        first_seen (datetime.datetime):
        last_seen (datetime.datetime):
        sightings (int):
        decision (OrphanDecision):
        reason (str):
        decided_at (datetime.datetime):
    """

    id: str
    provider: OrphanProvider
    kind: OrphanKind
    resource_id: str
    name: str
    first_seen: datetime.datetime
    last_seen: datetime.datetime
    sightings: int
    decision: OrphanDecision
    reason: str
    decided_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        provider: str = self.provider

        kind: str = self.kind

        resource_id = self.resource_id

        name = self.name

        first_seen = self.first_seen.isoformat()

        last_seen = self.last_seen.isoformat()

        sightings = self.sightings

        decision: str = self.decision

        reason = self.reason

        decided_at = self.decided_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "provider": provider,
                "kind": kind,
                "resourceId": resource_id,
                "name": name,
                "firstSeen": first_seen,
                "lastSeen": last_seen,
                "sightings": sightings,
                "decision": decision,
                "reason": reason,
                "decidedAt": decided_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        provider = check_orphan_provider(d.pop("provider"))

        kind = check_orphan_kind(d.pop("kind"))

        resource_id = d.pop("resourceId")

        name = d.pop("name")

        first_seen = datetime.datetime.fromisoformat(d.pop("firstSeen"))

        last_seen = datetime.datetime.fromisoformat(d.pop("lastSeen"))

        sightings = d.pop("sightings")

        decision = check_orphan_decision(d.pop("decision"))

        reason = d.pop("reason")

        decided_at = datetime.datetime.fromisoformat(d.pop("decidedAt"))

        orphan = cls(
            id=id,
            provider=provider,
            kind=kind,
            resource_id=resource_id,
            name=name,
            first_seen=first_seen,
            last_seen=last_seen,
            sightings=sightings,
            decision=decision,
            reason=reason,
            decided_at=decided_at,
        )

        orphan.additional_properties = d
        return orphan

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
