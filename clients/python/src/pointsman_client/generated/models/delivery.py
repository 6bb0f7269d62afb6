from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_status import DeliveryStatus, check_delivery_status
from ..models.delivery_type import DeliveryType, check_delivery_type

T = TypeVar("T", bound="Delivery")


@_attrs_define
class Delivery:
    """A message to a webhook; `id` is its header `webhook-id`. `responseStatus` and `error` are of the last attempt.

    Attributes:
        id (str):
        webhook_id (str):
        type_ (DeliveryType | Literal['webhook.test']):
        status (DeliveryStatus):
        attempts (int):
        response_status (int | None):
        error (None | str):
        next_attempt_at (datetime.datetime | None):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
    """

    id: str
    webhook_id: str
    type_: DeliveryType | Literal["webhook.test"]
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: None | str
    next_attempt_at: datetime.datetime | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        webhook_id = self.webhook_id

        type_: Literal["webhook.test"] | str
        if isinstance(self.type_, str):
            type_ = self.type_
        else:
            type_ = self.type_

        status: str = self.status

        attempts = self.attempts

        response_status: int | None
        response_status = self.response_status

        error: None | str
        error = self.error

        next_attempt_at: None | str
        if isinstance(self.next_attempt_at, datetime.datetime):
            next_attempt_at = self.next_attempt_at.isoformat()
        else:
            next_attempt_at = self.next_attempt_at

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "webhookId": webhook_id,
                "type": type_,
                "status": status,
                "attempts": attempts,
                "responseStatus": response_status,
                "error": error,
                "nextAttemptAt": next_attempt_at,
                "createdAt": created_at,
                "updatedAt": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        webhook_id = d.pop("webhookId")

        def _parse_type_(data: object) -> DeliveryType | Literal["webhook.test"]:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                type_type_0 = check_delivery_type(data)

                return type_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            type_type_1 = cast(Literal["webhook.test"], data)
            if type_type_1 != "webhook.test":
                raise ValueError(f"type_type_1 must match const 'webhook.test', got '{type_type_1}'")
            return type_type_1

        type_ = _parse_type_(d.pop("type"))

        status = check_delivery_status(d.pop("status"))

        attempts = d.pop("attempts")

        def _parse_response_status(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        response_status = _parse_response_status(d.pop("responseStatus"))

        def _parse_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error = _parse_error(d.pop("error"))

        def _parse_next_attempt_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_attempt_at_type_0 = datetime.datetime.fromisoformat(data)

                return next_attempt_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        next_attempt_at = _parse_next_attempt_at(d.pop("nextAttemptAt"))

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        delivery = cls(
            id=id,
            webhook_id=webhook_id,
            type_=type_,
            status=status,
            attempts=attempts,
            response_status=response_status,
            error=error,
            next_attempt_at=next_attempt_at,
            created_at=created_at,
            updated_at=updated_at,
        )

        delivery.additional_properties = d
        return delivery

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
