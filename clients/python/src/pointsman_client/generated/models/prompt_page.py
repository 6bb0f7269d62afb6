from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.prompt_page_model import PromptPageModel, check_prompt_page_model
from ..models.prompt_status import PromptStatus, check_prompt_status
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.file_output import FileOutput
    from ..models.pending_approval import PendingApproval
    from ..models.text_output import TextOutput
    from ..models.tool_output import ToolOutput
    from ..models.usage import Usage


T = TypeVar("T", bound="PromptPage")


@_attrs_define
class PromptPage:
    """`approval` is there while the prompt waits for it, `error` where it has failed or was cancelled.

    `omittedOutputs` counts those that would not fit into the response; the prompt's stream has all.

        Attributes:
            id (str):
            input_ (str):
            model (PromptPageModel):
            status (PromptStatus):
            outputs (list[FileOutput | TextOutput | ToolOutput]):
            usage (Usage): The sum over the prompt's calls of the model, in tokens.
            created_at (datetime.datetime):
            updated_at (datetime.datetime):
            conversation_id (str | Unset):
            omitted_outputs (int | Unset):
            approval (PendingApproval | Unset):
            error (str | Unset):
    """

    id: str
    input_: str
    model: PromptPageModel
    status: PromptStatus
    outputs: list[FileOutput | TextOutput | ToolOutput]
    usage: Usage
    created_at: datetime.datetime
    updated_at: datetime.datetime
    conversation_id: str | Unset = UNSET
    omitted_outputs: int | Unset = UNSET
    approval: PendingApproval | Unset = UNSET
    error: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.text_output import TextOutput  # noqa: PLC0415
        from ..models.tool_output import ToolOutput  # noqa: PLC0415

        id = self.id

        input_ = self.input_

        model: str = self.model

        status: str = self.status

        outputs = []
        for outputs_item_data in self.outputs:
            outputs_item: dict[str, Any]
            if isinstance(outputs_item_data, TextOutput):
                outputs_item = outputs_item_data.to_dict()
            elif isinstance(outputs_item_data, ToolOutput):
                outputs_item = outputs_item_data.to_dict()
            else:
                outputs_item = outputs_item_data.to_dict()

            outputs.append(outputs_item)

        usage = self.usage.to_dict()

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        conversation_id = self.conversation_id

        omitted_outputs = self.omitted_outputs

        approval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.approval, Unset):
            approval = self.approval.to_dict()

        error = self.error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "input": input_,
                "model": model,
                "status": status,
                "outputs": outputs,
                "usage": usage,
                "createdAt": created_at,
                "updatedAt": updated_at,
            }
        )
        if conversation_id is not UNSET:
            field_dict["conversationId"] = conversation_id
        if omitted_outputs is not UNSET:
            field_dict["omittedOutputs"] = omitted_outputs
        if approval is not UNSET:
            field_dict["approval"] = approval
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.file_output import FileOutput  # noqa: PLC0415
        from ..models.pending_approval import PendingApproval  # noqa: PLC0415
        from ..models.text_output import TextOutput  # noqa: PLC0415
        from ..models.tool_output import ToolOutput  # noqa: PLC0415
        from ..models.usage import Usage  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        input_ = d.pop("input")

        model = check_prompt_page_model(d.pop("model"))

        status = check_prompt_status(d.pop("status"))

        outputs = []
        _outputs = d.pop("outputs")
        for outputs_item_data in _outputs:

            def _parse_outputs_item(data: object) -> FileOutput | TextOutput | ToolOutput:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    outputs_item_type_0 = TextOutput.from_dict(data)

                    return outputs_item_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    outputs_item_type_1 = ToolOutput.from_dict(data)

                    return outputs_item_type_1
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                outputs_item_type_2 = FileOutput.from_dict(data)

                return outputs_item_type_2

            outputs_item = _parse_outputs_item(outputs_item_data)

            outputs.append(outputs_item)

        usage = Usage.from_dict(d.pop("usage"))

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        conversation_id = d.pop("conversationId", UNSET)

        omitted_outputs = d.pop("omittedOutputs", UNSET)

        _approval = d.pop("approval", UNSET)
        approval: PendingApproval | Unset
        if isinstance(_approval, Unset):
            approval = UNSET
        else:
            approval = PendingApproval.from_dict(_approval)

        error = d.pop("error", UNSET)

        prompt_page = cls(
            id=id,
            input_=input_,
            model=model,
            status=status,
            outputs=outputs,
            usage=usage,
            created_at=created_at,
            updated_at=updated_at,
            conversation_id=conversation_id,
            omitted_outputs=omitted_outputs,
            approval=approval,
            error=error,
        )

        prompt_page.additional_properties = d
        return prompt_page

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
