from typing import Literal

SendChatMessageBodyTrigger = Literal["submit-message"]

SEND_CHAT_MESSAGE_BODY_TRIGGER_VALUES: set[SendChatMessageBodyTrigger] = {
    "submit-message",
}


def check_send_chat_message_body_trigger(value: str) -> SendChatMessageBodyTrigger:
    if value in SEND_CHAT_MESSAGE_BODY_TRIGGER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SEND_CHAT_MESSAGE_BODY_TRIGGER_VALUES!r}")
