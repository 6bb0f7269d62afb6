from __future__ import annotations

from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define

from ..models.send_chat_message_body_model import (
    SendChatMessageBodyModel,
    check_send_chat_message_body_model,
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
        trigger (Any | Literal['submit-message'] | Unset):
        message_id (None | str | Unset):
        model (Any | SendChatMessageBodyModel | Unset):
    """

    id: str
    messages: list[SendChatMessageBodyMessagesItem]
    trigger: Any | Literal["submit-message"] | Unset = UNSET
    message_id: None | str | Unset = UNSET
    model: Any | SendChatMessageBodyModel | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        messages = []
        for messages_item_data in self.messages:
            messages_item = messages_item_data.to_dict()
            messages.append(messages_item)

        trigger: Any | Literal["submit-message"] | Unset
        if isinstance(self.trigger, Unset):
            trigger = UNSET
        else:
            trigger = self.trigger

        message_id: None | str | Unset
        if isinstance(self.message_id, Unset):
            message_id = UNSET
        else:
            message_id = self.message_id

        model: Any | str | Unset
        if isinstance(self.model, Unset):
            model = UNSET
        elif isinstance(self.model, str):
            model = self.model
        else:
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

        def _parse_trigger(data: object) -> Any | Literal["submit-message"] | Unset:
            if isinstance(data, Unset):
                return data
            trigger_type_0 = cast(Literal["submit-message"], data)
            if trigger_type_0 != "submit-message":
                raise ValueError(f"trigger_type_0 must match const 'submit-message', got '{trigger_type_0}'")
            return trigger_type_0
            return cast(Any | Literal["submit-message"] | Unset, data)

        trigger = _parse_trigger(d.pop("trigger", UNSET))

        def _parse_message_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        message_id = _parse_message_id(d.pop("messageId", UNSET))

        def _parse_model(data: object) -> Any | SendChatMessageBodyModel | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                model_type_0 = check_send_chat_message_body_model(data)

                return model_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Any | SendChatMessageBodyModel | Unset, data)

        model = _parse_model(d.pop("model", UNSET))

        send_chat_message_body = cls(
            id=id,
            messages=messages,
            trigger=trigger,
            message_id=message_id,
            model=model,
        )

        return send_chat_message_body
