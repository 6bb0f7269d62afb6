from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

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
        resume (list[RunAguiBodyResumeItem] | None | Unset):
        forwarded_props (None | RunAguiBodyForwardedProps | Unset):
        state (Any | Unset):
        tools (list[RunAguiBodyToolsItem] | None | Unset):
        context (list[RunAguiBodyContextItem] | None | Unset):
        parent_run_id (None | str | Unset):
        protocol_version (None | str | Unset):
    """

    thread_id: str
    run_id: str
    messages: list[RunAguiBodyMessagesItem]
    resume: list[RunAguiBodyResumeItem] | None | Unset = UNSET
    forwarded_props: None | RunAguiBodyForwardedProps | Unset = UNSET
    state: Any | Unset = UNSET
    tools: list[RunAguiBodyToolsItem] | None | Unset = UNSET
    context: list[RunAguiBodyContextItem] | None | Unset = UNSET
    parent_run_id: None | str | Unset = UNSET
    protocol_version: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.run_agui_body_forwarded_props import RunAguiBodyForwardedProps  # noqa: PLC0415

        thread_id = self.thread_id

        run_id = self.run_id

        messages = []
        for messages_item_data in self.messages:
            messages_item = messages_item_data.to_dict()
            messages.append(messages_item)

        resume: list[dict[str, Any]] | None | Unset
        if isinstance(self.resume, Unset):
            resume = UNSET
        elif isinstance(self.resume, list):
            resume = []
            for resume_type_0_item_data in self.resume:
                resume_type_0_item = resume_type_0_item_data.to_dict()
                resume.append(resume_type_0_item)

        else:
            resume = self.resume

        forwarded_props: dict[str, Any] | None | Unset
        if isinstance(self.forwarded_props, Unset):
            forwarded_props = UNSET
        elif isinstance(self.forwarded_props, RunAguiBodyForwardedProps):
            forwarded_props = self.forwarded_props.to_dict()
        else:
            forwarded_props = self.forwarded_props

        state = self.state

        tools: list[dict[str, Any]] | None | Unset
        if isinstance(self.tools, Unset):
            tools = UNSET
        elif isinstance(self.tools, list):
            tools = []
            for tools_type_0_item_data in self.tools:
                tools_type_0_item = tools_type_0_item_data.to_dict()
                tools.append(tools_type_0_item)

        else:
            tools = self.tools

        context: list[dict[str, Any]] | None | Unset
        if isinstance(self.context, Unset):
            context = UNSET
        elif isinstance(self.context, list):
            context = []
            for context_type_0_item_data in self.context:
                context_type_0_item = context_type_0_item_data.to_dict()
                context.append(context_type_0_item)

        else:
            context = self.context

        parent_run_id: None | str | Unset
        if isinstance(self.parent_run_id, Unset):
            parent_run_id = UNSET
        else:
            parent_run_id = self.parent_run_id

        protocol_version: None | str | Unset
        if isinstance(self.protocol_version, Unset):
            protocol_version = UNSET
        else:
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

        def _parse_resume(data: object) -> list[RunAguiBodyResumeItem] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                resume_type_0 = []
                _resume_type_0 = data
                for resume_type_0_item_data in _resume_type_0:
                    resume_type_0_item = RunAguiBodyResumeItem.from_dict(resume_type_0_item_data)

                    resume_type_0.append(resume_type_0_item)

                return resume_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[RunAguiBodyResumeItem] | None | Unset, data)

        resume = _parse_resume(d.pop("resume", UNSET))

        def _parse_forwarded_props(data: object) -> None | RunAguiBodyForwardedProps | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_run_agui_body_forwarded_props_type_0 = RunAguiBodyForwardedProps.from_dict(data)

                return componentsschemas_run_agui_body_forwarded_props_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RunAguiBodyForwardedProps | Unset, data)

        forwarded_props = _parse_forwarded_props(d.pop("forwardedProps", UNSET))

        state = d.pop("state", UNSET)

        def _parse_tools(data: object) -> list[RunAguiBodyToolsItem] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                tools_type_0 = []
                _tools_type_0 = data
                for tools_type_0_item_data in _tools_type_0:
                    tools_type_0_item = RunAguiBodyToolsItem.from_dict(tools_type_0_item_data)

                    tools_type_0.append(tools_type_0_item)

                return tools_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[RunAguiBodyToolsItem] | None | Unset, data)

        tools = _parse_tools(d.pop("tools", UNSET))

        def _parse_context(data: object) -> list[RunAguiBodyContextItem] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                context_type_0 = []
                _context_type_0 = data
                for context_type_0_item_data in _context_type_0:
                    context_type_0_item = RunAguiBodyContextItem.from_dict(context_type_0_item_data)

                    context_type_0.append(context_type_0_item)

                return context_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[RunAguiBodyContextItem] | None | Unset, data)

        context = _parse_context(d.pop("context", UNSET))

        def _parse_parent_run_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        parent_run_id = _parse_parent_run_id(d.pop("parentRunId", UNSET))

        def _parse_protocol_version(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        protocol_version = _parse_protocol_version(d.pop("protocolVersion", UNSET))

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
