from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.listed_prompt_model import ListedPromptModel, check_listed_prompt_model
from ..models.prompt_status import PromptStatus, check_prompt_status
from ..types import UNSET, Unset

T = TypeVar("T", bound="ListedPrompt")


@_attrs_define
class ListedPrompt:
    """`title` is the shortened first line of the input.

    Attributes:
        id (str):
        title (str):
        model (ListedPromptModel):
        status (PromptStatus):
        total_tokens (int):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        conversation_id (str | Unset):
        error (str | Unset):
    """

    id: str
    title: str
    model: ListedPromptModel
    status: PromptStatus
    total_tokens: int
    created_at: datetime.datetime
    updated_at: datetime.datetime
    conversation_id: str | Unset = UNSET
    error: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        title = self.title

        model: str = self.model

        status: str = self.status

        total_tokens = self.total_tokens

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        conversation_id = self.conversation_id

        error = self.error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "title": title,
                "model": model,
                "status": status,
                "totalTokens": total_tokens,
                "createdAt": created_at,
                "updatedAt": updated_at,
            }
        )
        if conversation_id is not UNSET:
            field_dict["conversationId"] = conversation_id
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        title = d.pop("title")

        model = check_listed_prompt_model(d.pop("model"))

        status = check_prompt_status(d.pop("status"))

        total_tokens = d.pop("totalTokens")

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        conversation_id = d.pop("conversationId", UNSET)

        error = d.pop("error", UNSET)

        listed_prompt = cls(
            id=id,
            title=title,
            model=model,
            status=status,
            total_tokens=total_tokens,
            created_at=created_at,
            updated_at=updated_at,
            conversation_id=conversation_id,
            error=error,
        )

        listed_prompt.additional_properties = d
        return listed_prompt

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
