from typing import Literal

SendChatMessageBodyModel = Literal["high", "normal"]

SEND_CHAT_MESSAGE_BODY_MODEL_VALUES: set[SendChatMessageBodyModel] = {
    "high",
    "normal",
}


def check_send_chat_message_body_model(value: str) -> SendChatMessageBodyModel:
    if value in SEND_CHAT_MESSAGE_BODY_MODEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SEND_CHAT_MESSAGE_BODY_MODEL_VALUES!r}")
