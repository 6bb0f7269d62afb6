from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.run_agui_body_context_item import RunAguiBodyContextItem
    from ..models.run_agui_body_forwarded_props import RunAguiBodyForwardedProps
    from ..models.run_agui_body_messages_item import RunAguiBodyMessagesItem
    from ..models.run_agui_body_resume_item import RunAguiBodyResumeItem
    from ..models.run_agui_body_tools_item import RunAguiBodyToolsItem


T = TypeVar("T", bound="RunAguiBody")


@_attrs_define
class RunAguiBody:
    """AG-UI's RunAgentInput. The user's last message is submitted, unless `resume` answers approvals

    Attributes:
        thread_id (str): A name of the caller's for a conversation, or a conversation's id
        run_id (str):
        messages (list[RunAguiBodyMessagesItem]):
        resume (list[RunAguiBodyResumeItem] | Unset):
        forwarded_props (RunAguiBodyForwardedProps | Unset):
        state (Any | Unset):
        tools (list[RunAguiBodyToolsItem] | Unset):
        context (list[RunAguiBodyContextItem] | Unset):
        parent_run_id (str | Unset):
        protocol_version (str | Unset):
    """

    thread_id: str
    run_id: str
    messages: list[RunAguiBodyMessagesItem]
    resume: list[RunAguiBodyResumeItem] | Unset = UNSET
    forwarded_props: RunAguiBodyForwardedProps | Unset = UNSET
    state: Any | Unset = UNSET
    tools: list[RunAguiBodyToolsItem] | Unset = UNSET
    context: list[RunAguiBodyContextItem] | Unset = UNSET
    parent_run_id: str | Unset = UNSET
    protocol_version: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        thread_id = self.thread_id

        run_id = self.run_id

        messages = []
        for messages_item_data in self.messages:
            messages_item = messages_item_data.to_dict()
            messages.append(messages_item)

        resume: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.resume, Unset):
            resume = []
            for resume_item_data in self.resume:
                resume_item = resume_item_data.to_dict()
                resume.append(resume_item)

        forwarded_props: dict[str, Any] | Unset = UNSET
        if not isinstance(self.forwarded_props, Unset):
            forwarded_props = self.forwarded_props.to_dict()

        state = self.state

        tools: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.tools, Unset):
            tools = []
            for tools_item_data in self.tools:
                tools_item = tools_item_data.to_dict()
                tools.append(tools_item)

        context: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.context, Unset):
            context = []
            for context_item_data in self.context:
                context_item = context_item_data.to_dict()
                context.append(context_item)

        parent_run_id = self.parent_run_id

        protocol_version = self.protocol_version

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "threadId": thread_id,
                "runId": run_id,
                "messages": messages,
            }
        )
        if resume is not UNSET:
            field_dict["resume"] = resume
        if forwarded_props is not UNSET:
            field_dict["forwardedProps"] = forwarded_props
        if state is not UNSET:
            field_dict["state"] = state
        if tools is not UNSET:
            field_dict["tools"] = tools
        if context is not UNSET:
            field_dict["context"] = context
        if parent_run_id is not UNSET:
            field_dict["parentRunId"] = parent_run_id
        if protocol_version is not UNSET:
            field_dict["protocolVersion"] = protocol_version

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.run_agui_body_context_item import RunAguiBodyContextItem  # noqa: PLC0415
        from ..models.run_agui_body_forwarded_props import RunAguiBodyForwardedProps  # noqa: PLC0415
        from ..models.run_agui_body_messages_item import RunAguiBodyMessagesItem  # noqa: PLC0415
        from ..models.run_agui_body_resume_item import RunAguiBodyResumeItem  # noqa: PLC0415
        from ..models.run_agui_body_tools_item import RunAguiBodyToolsItem  # noqa: PLC0415

        d = dict(src_dict)
        thread_id = d.pop("threadId")

        run_id = d.pop("runId")

        messages = []
        _messages = d.pop("messages")
        for messages_item_data in _messages:
            messages_item = RunAguiBodyMessagesItem.from_dict(messages_item_data)

            messages.append(messages_item)

        _resume = d.pop("resume", UNSET)
        resume: list[RunAguiBodyResumeItem] | Unset = UNSET
        if _resume is not UNSET:
            resume = []
            for resume_item_data in _resume:
                resume_item = RunAguiBodyResumeItem.from_dict(resume_item_data)

                resume.append(resume_item)

        _forwarded_props = d.pop("forwardedProps", UNSET)
        forwarded_props: RunAguiBodyForwardedProps | Unset
        if isinstance(_forwarded_props, Unset):
            forwarded_props = UNSET
        else:
            forwarded_props = RunAguiBodyForwardedProps.from_dict(_forwarded_props)

        state = d.pop("state", UNSET)

        _tools = d.pop("tools", UNSET)
        tools: list[RunAguiBodyToolsItem] | Unset = UNSET
        if _tools is not UNSET:
            tools = []
            for tools_item_data in _tools:
                tools_item = RunAguiBodyToolsItem.from_dict(tools_item_data)

                tools.append(tools_item)

        _context = d.pop("context", UNSET)
        context: list[RunAguiBodyContextItem] | Unset = UNSET
        if _context is not UNSET:
            context = []
            for context_item_data in _context:
                context_item = RunAguiBodyContextItem.from_dict(context_item_data)

                context.append(context_item)

        parent_run_id = d.pop("parentRunId", UNSET)

        protocol_version = d.pop("protocolVersion", UNSET)

        run_agui_body = cls(
            thread_id=thread_id,
            run_id=run_id,
            messages=messages,
            resume=resume,
            forwarded_props=forwarded_props,
            state=state,
            tools=tools,
            context=context,
            parent_run_id=parent_run_id,
            protocol_version=protocol_version,
        )

        return run_agui_body
