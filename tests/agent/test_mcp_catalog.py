"""The list of tools that MCP clients get, and the sizes of results."""

import json
from typing import Any

import pytest
from pydantic import RootModel

from pointsman.agent import Agent, Input, Tool, ToolContext
from pointsman.errors import CompositionError
from pointsman.mcp.catalog import PAGE_SIZE, Catalog
from pointsman.mcp.messages import JsonObject, RpcError, encode
from pointsman.mcp.results import build_outcome, build_output_result
from pointsman.prompts.queries import PromptView
from tests.agent.sample_tools import make_tool


class Numbers(RootModel[list[int]]):
    pass


class NoInput(Input):
    pass


def make_catalog(*tools: Tool[Any, Any]) -> Catalog:
    agent = Agent(prefix="/api")
    agent.api.expose_tools(tools)
    return Catalog(agent.start())


def list_tools(catalog: Catalog, *permissions: str) -> dict[str, Any]:
    tools: Any = catalog.list_page(permissions, None)["tools"]
    return {tool["name"]: tool for tool in tools}


@pytest.mark.limit("mcp-tools-page")
@pytest.mark.parametrize(("count", "pages"), [(PAGE_SIZE, 1), (PAGE_SIZE + 1, 2), (3 * PAGE_SIZE, 3)])
def test_the_list_has_pages_of_50_tools(count: int, pages: int) -> None:
    catalog = make_catalog(*(make_tool(tool_id=f"words.say{number}") for number in range(count - 2)))
    names: list[str] = []
    cursor: object = None
    for _ in range(pages):
        page: Any = catalog.list_page((), cursor)
        assert len(page["tools"]) <= PAGE_SIZE
        names += [tool["name"] for tool in page["tools"]]
        cursor = page.get("nextCursor")
    assert (cursor, len(names), len(set(names))) == (None, count, count)
    with pytest.raises(RpcError):
        catalog.list_page((), "words_say_none")


def test_a_user_sees_what_their_permissions_allow() -> None:
    catalog = make_catalog(make_tool(tool_id="a.b", requires="x:read"), make_tool(tool_id="c.d", requires="x:write"))
    assert set(list_tools(catalog)) == {"prompt", "prompt_result"}
    assert set(list_tools(catalog, "x:read")) == {"a_b", "prompt", "prompt_result"}


def test_ids_that_would_have_one_name_keep_apart() -> None:
    catalog = make_catalog(make_tool(tool_id="a.b_c"), make_tool(tool_id="a_b.c"), make_tool(tool_id="prompt.result"))
    names = list_tools(catalog)
    assert len(names) == 5
    assert {catalog.prompt_name, catalog.result_name} <= set(names)
    assert {catalog.get_tool(name).id for name in set(names) - {catalog.prompt_name, catalog.result_name}} == {
        "a.b_c", "a_b.c", "prompt.result",
    }  # fmt: skip


def test_what_is_no_object_is_left_out() -> None:
    def count(context: ToolContext[Any]) -> Any:
        return [1]

    catalog = make_catalog(
        Tool("list.in", "Takes a list", Numbers, NoInput, count),
        Tool("list.out", "Returns a list", NoInput, Numbers, count),
    )
    tools = list_tools(catalog)
    assert "list_in" not in tools
    assert "outputSchema" not in tools["list_out"]
    assert "structuredContent" not in build_output_result([1])


def test_annotations_follow_from_what_a_tool_declares() -> None:
    catalog = make_catalog(
        make_tool(tool_id="a.reads", read_only=True),
        make_tool(tool_id="a.asks", approval=lambda _: "why"),
        make_tool(tool_id="a.deletes", destructive=True, idempotent=True, open_world=False),
        make_tool(tool_id="a.adds"),
    )
    keys = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
    hints = {name: [tool["annotations"][key] for key in keys] for name, tool in list_tools(catalog).items()}
    assert hints == {
        "a_reads": [True, False, True, True], "a_asks": [False, True, False, True],
        "a_deletes": [False, True, True, False], "a_adds": [False, False, False, True],
        "prompt": [False, True, False, True], "prompt_result": [True, False, True, False],
    }  # fmt: skip
    for contradiction in ({"destructive": True}, {"approval": lambda _: "why"}):
        with pytest.raises(CompositionError, match="both"):
            make_tool(read_only=True, **contradiction)


@pytest.mark.limit("mcp-result")
def test_a_result_that_is_too_large_says_so() -> None:
    largest = {"text": "x" * (2_000_000 - len('{"text": ""}'))}
    assert build_output_result(largest)["structuredContent"] == largest
    refused: Any = build_output_result({"text": largest["text"] + "x"})
    assert refused["isError"]
    assert refused["content"][0]["text"].startswith("RESPONSE_TOO_LARGE: ")


@pytest.mark.limit("mcp-prompt-state")
def test_the_state_of_a_prompt_has_the_end_of_its_text_and_the_first_calls() -> None:
    def build(text_length: int, call_length: int) -> JsonObject:
        calls = [
            {"type": "tool", "function": "a.b", "result": {"type": "success", "output": "x" * call_length}}
            for _ in "12"
        ]
        outputs = [{"type": "text", "content": "x" * text_length}, *calls]
        view: PromptView = {"id": "prompt-1", "status": "completed", "outputs": outputs}
        state: Any = build_outcome(view, None, "")["structuredContent"]
        return state

    frame = len(json.dumps({"tool": "a.b", "status": "success", "output": ""}))
    whole = build(100_000, 100_000 - frame)
    assert (len(str(whole["text"])), len(whole["calls"]), "omittedCalls" in whole) == (100_000, 2, False)  # type: ignore[arg-type]
    cut = build(100_001, 100_001 - frame)
    assert (str(cut["text"]), len(cut["calls"]), cut["omittedCalls"]) == ("…" + "x" * 100_000, 1, 1)  # type: ignore[arg-type]


def test_text_that_is_no_unicode_is_repaired() -> None:
    assert json.loads(encode({"a": "\ud83d\ude00 \ud83d"})) == {"a": "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"}
    assert encode({"a": "\u2028"}) == b'{"a":"\\u2028"}'
