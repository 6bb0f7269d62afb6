from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.submit_prompt_body_model import (
    SubmitPromptBodyModel,
    check_submit_prompt_body_model,
)
from ..models.submit_prompt_body_stream import (
    SubmitPromptBodyStream,
    check_submit_prompt_body_stream,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="SubmitPromptBody")


@_attrs_define
class SubmitPromptBody:
    """
    Attributes:
        input_ (str): What the user says
        model (SubmitPromptBodyModel | Unset):
        conversation_id (str | Unset): The conversation that this prompt goes on with
        stream (SubmitPromptBodyStream | Unset): Let the text be followed while it comes
    """

    input_: str
    model: SubmitPromptBodyModel | Unset = UNSET
    conversation_id: str | Unset = UNSET
    stream: SubmitPromptBodyStream | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        input_ = self.input_

        model: str | Unset = UNSET
        if not isinstance(self.model, Unset):
            model = self.model

        conversation_id = self.conversation_id

        stream: str | Unset = UNSET
        if not isinstance(self.stream, Unset):
            stream = self.stream

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "input": input_,
            }
        )
        if model is not UNSET:
            field_dict["model"] = model
        if conversation_id is not UNSET:
            field_dict["conversationId"] = conversation_id
        if stream is not UNSET:
            field_dict["stream"] = stream

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        input_ = d.pop("input")

        _model = d.pop("model", UNSET)
        model: SubmitPromptBodyModel | Unset
        if isinstance(_model, Unset):
            model = UNSET
        else:
            model = check_submit_prompt_body_model(_model)

        conversation_id = d.pop("conversationId", UNSET)

        _stream = d.pop("stream", UNSET)
        stream: SubmitPromptBodyStream | Unset
        if isinstance(_stream, Unset):
            stream = UNSET
        else:
            stream = check_submit_prompt_body_stream(_stream)

        submit_prompt_body = cls(
            input_=input_,
            model=model,
            conversation_id=conversation_id,
            stream=stream,
        )

        return submit_prompt_body
