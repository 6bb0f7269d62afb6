from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.new_fleet_webhook_events_item import (
    NewFleetWebhookEventsItem,
    check_new_fleet_webhook_events_item,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewFleetWebhook")


@_attrs_define
class NewFleetWebhook:
    """
    Attributes:
        url (str): It must be an https address of at most 2048 visible ASCII characters, with a host's public name, the
            port 443 or 8443, and neither user, password nor fragment
        events (list[NewFleetWebhookEventsItem]):
        description (None | str | Unset):
    """

    url: str
    events: list[NewFleetWebhookEventsItem]
    description: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        url = self.url

        events = []
        for events_item_data in self.events:
            events_item: str = events_item_data
            events.append(events_item)

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "url": url,
                "events": events,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        url = d.pop("url")

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = check_new_fleet_webhook_events_item(events_item_data)

            events.append(events_item)

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        new_fleet_webhook = cls(
            url=url,
            events=events,
            description=description,
        )

        return new_fleet_webhook
