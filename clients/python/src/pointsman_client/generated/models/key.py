from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Key")


@_attrs_define
class Key:
    """A key's cap and usage, in USD.

    Attributes:
        id (str):
        name (str):
        instance_id (None | str):
        limit (float | None):
        limit_remaining (float | None):
        limit_reset (None | str):
        usage (float | None):
        usage_daily (float | None):
        usage_weekly (float | None):
        usage_monthly (float | None):
        disabled (bool | None):
        created_at (None | str):
    """

    id: str
    name: str
    instance_id: None | str
    limit: float | None
    limit_remaining: float | None
    limit_reset: None | str
    usage: float | None
    usage_daily: float | None
    usage_weekly: float | None
    usage_monthly: float | None
    disabled: bool | None
    created_at: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        instance_id: None | str
        instance_id = self.instance_id

        limit: float | None
        limit = self.limit

        limit_remaining: float | None
        limit_remaining = self.limit_remaining

        limit_reset: None | str
        limit_reset = self.limit_reset

        usage: float | None
        usage = self.usage

        usage_daily: float | None
        usage_daily = self.usage_daily

        usage_weekly: float | None
        usage_weekly = self.usage_weekly

        usage_monthly: float | None
        usage_monthly = self.usage_monthly

        disabled: bool | None
        disabled = self.disabled

        created_at: None | str
        created_at = self.created_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "instanceId": instance_id,
                "limit": limit,
                "limitRemaining": limit_remaining,
                "limitReset": limit_reset,
                "usage": usage,
                "usageDaily": usage_daily,
                "usageWeekly": usage_weekly,
                "usageMonthly": usage_monthly,
                "disabled": disabled,
                "createdAt": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        def _parse_instance_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        instance_id = _parse_instance_id(d.pop("instanceId"))

        def _parse_limit(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        limit = _parse_limit(d.pop("limit"))

        def _parse_limit_remaining(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        limit_remaining = _parse_limit_remaining(d.pop("limitRemaining"))

        def _parse_limit_reset(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        limit_reset = _parse_limit_reset(d.pop("limitReset"))

        def _parse_usage(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        usage = _parse_usage(d.pop("usage"))

        def _parse_usage_daily(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        usage_daily = _parse_usage_daily(d.pop("usageDaily"))

        def _parse_usage_weekly(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        usage_weekly = _parse_usage_weekly(d.pop("usageWeekly"))

        def _parse_usage_monthly(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        usage_monthly = _parse_usage_monthly(d.pop("usageMonthly"))

        def _parse_disabled(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        disabled = _parse_disabled(d.pop("disabled"))

        def _parse_created_at(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        created_at = _parse_created_at(d.pop("createdAt"))

        key = cls(
            id=id,
            name=name,
            instance_id=instance_id,
            limit=limit,
            limit_remaining=limit_remaining,
            limit_reset=limit_reset,
            usage=usage,
            usage_daily=usage_daily,
            usage_weekly=usage_weekly,
            usage_monthly=usage_monthly,
            disabled=disabled,
            created_at=created_at,
        )

        key.additional_properties = d
        return key

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
