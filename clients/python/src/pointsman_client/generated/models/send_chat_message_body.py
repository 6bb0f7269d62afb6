from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.send_chat_message_body_model import (
    SendChatMessageBodyModel,
    check_send_chat_message_body_model,
)
from ..models.send_chat_message_body_trigger import (
    SendChatMessageBodyTrigger,
    check_send_chat_message_body_trigger,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.send_chat_message_body_messages_item import (
        SendChatMessageBodyMessagesItem,
    )


T = TypeVar("T", bound="SendChatMessageBody")


@_attrs_define
class SendChatMessageBody:
    """What the AI SDK's DefaultChatTransport sends. The last message is submitted, or answers approvals

    Attributes:
        id (str): A name of the caller's for a conversation, or a conversation's id
        messages (list[SendChatMessageBodyMessagesItem]):
        trigger (SendChatMessageBodyTrigger | Unset):
        message_id (str | Unset):
        model (SendChatMessageBodyModel | Unset):
    """

    id: str
    messages: list[SendChatMessageBodyMessagesItem]
    trigger: SendChatMessageBodyTrigger | Unset = UNSET
    message_id: str | Unset = UNSET
    model: SendChatMessageBodyModel | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        messages = []
        for messages_item_data in self.messages:
            messages_item = messages_item_data.to_dict()
            messages.append(messages_item)

        trigger: str | Unset = UNSET
        if not isinstance(self.trigger, Unset):
            trigger = self.trigger

        message_id = self.message_id

        model: str | Unset = UNSET
        if not isinstance(self.model, Unset):
            model = self.model

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "messages": messages,
            }
        )
        if trigger is not UNSET:
            field_dict["trigger"] = trigger
        if message_id is not UNSET:
            field_dict["messageId"] = message_id
        if model is not UNSET:
            field_dict["model"] = model

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.send_chat_message_body_messages_item import (
            SendChatMessageBodyMessagesItem,  # noqa: PLC0415
        )

        d = dict(src_dict)
        id = d.pop("id")

        messages = []
        _messages = d.pop("messages")
        for messages_item_data in _messages:
            messages_item = SendChatMessageBodyMessagesItem.from_dict(messages_item_data)

            messages.append(messages_item)

        _trigger = d.pop("trigger", UNSET)
        trigger: SendChatMessageBodyTrigger | Unset
        if isinstance(_trigger, Unset):
            trigger = UNSET
        else:
            trigger = check_send_chat_message_body_trigger(_trigger)

        message_id = d.pop("messageId", UNSET)

        _model = d.pop("model", UNSET)
        model: SendChatMessageBodyModel | Unset
        if isinstance(_model, Unset):
            model = UNSET
        else:
            model = check_send_chat_message_body_model(_model)

        send_chat_message_body = cls(
            id=id,
            messages=messages,
            trigger=trigger,
            message_id=message_id,
            model=model,
        )

        return send_chat_message_body
