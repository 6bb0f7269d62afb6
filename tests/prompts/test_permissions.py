"""Permissions in a prompt: which tools its model gets, and who decides about calls that need an approval."""

from typing import Any

import pytest

from pointsman.errors import Forbidden, PromptNotFound
from pointsman.prompts import approvals
from tests.harness.ids import unique_id
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.sample_agent import tool_call

WRITER, READER = ["effects:write"], ["effects:read"]
GUARDED = tool_call("effects.guard", name="a")
DUAL = tool_call("effects.dual", name="a")


def wait_for_approval(engine: EngineHarness, call: dict[str, object], permissions: list[str]) -> str:
    """Submit a prompt whose model makes this call; returns the prompt's id once it waits."""
    prompt_id = engine.submit({"calls": [call]}, {"text": "Done."}, permissions=permissions)
    assert engine.advance(prompt_id)["next"] == "wait"
    return prompt_id


def list_approvals(user_id: str, permissions: list[str]) -> list[dict[str, Any]]:
    pages, cursor = list[dict[str, Any]](), None
    while True:
        page: Any = approvals.list_pending(user_id, permissions, cursor, 2)
        pages += page["approvals"]
        if "nextCursor" not in page:
            return pages
        cursor = page["nextCursor"]


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        ([], set()), (READER, {"effects_read"}), (WRITER, {"effects_guard", "effects_dual"}),
        (["effects:*"], {"effects_read", "effects_guard", "effects_dual"}), (["fleet:*"], set()),
    ],
)  # fmt: skip
def test_a_model_gets_only_the_tools_that_the_user_may_use(
    engine: EngineHarness, permissions: list[str], offered: set[str]
) -> None:
    engine.submit_and_advance({"text": "Hi."}, permissions=permissions)
    tools = set(engine.model_requests()[-1]["tools"])
    assert tools & {"effects_read", "effects_guard", "effects_dual"} == offered
    assert "effects_bump" in tools


def test_a_model_that_calls_a_forbidden_tool_gets_an_error(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance(
        {"calls": [tool_call("effects.read", name="a")]}, {"text": "Oh."}, permissions=WRITER
    )
    assert engine.tool_results(prompt_id) == [
        "Not run: effects.read needs the permission effects:read, which the user has not"
    ]
    assert engine.effects() == []


def test_an_approval_needs_the_permission(engine: EngineHarness) -> None:
    prompt_id = wait_for_approval(engine, GUARDED, WRITER)
    with pytest.raises(Forbidden, match="effects:write"):
        engine.decide(prompt_id, permissions=READER)
    engine.decide(prompt_id, permissions=WRITER)
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.effects() == ["a"]


def test_the_permission_is_checked_again_when_the_approved_call_runs(engine: EngineHarness) -> None:
    prompt_id = wait_for_approval(engine, GUARDED, WRITER)
    engine.decide(prompt_id, permissions=WRITER)
    engine.db.execute("UPDATE prompts SET permissions = 'effects:read' WHERE id = %s", (prompt_id,))
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.effects() == []
    assert "needs the permission effects:write" in engine.tool_results(prompt_id)[0]


def test_the_prompt_goes_on_with_what_its_user_may_do_now(engine: EngineHarness) -> None:
    prompt_id = engine.submit(
        {"calls": [tool_call("effects.ask", name="a")]},
        {"calls": [tool_call("effects.guard", "call_2", name="b")]},
        {"text": "Done."},
        permissions=WRITER,
    )
    assert engine.advance(prompt_id)["next"] == "wait"
    engine.decide(prompt_id, permissions=READER)
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.effects() == ["a"]
    assert "needs the permission effects:write" in engine.tool_results(prompt_id)[1]


def test_somebody_else_with_the_permission_approves(engine: EngineHarness) -> None:
    prompt_id, other = wait_for_approval(engine, DUAL, WRITER), unique_id("other-")
    with pytest.raises(Forbidden, match="Somebody else"):
        engine.decide(prompt_id, permissions=["*"])
    for permissions in ([], READER):
        with pytest.raises(PromptNotFound):
            approvals.decide(other, prompt_id, "call_1", True, permissions=permissions)
        assert prompt_id not in [approval["promptId"] for approval in list_approvals(other, permissions)]
    (shown,) = [one for one in list_approvals(other, WRITER) if one["promptId"] == prompt_id]
    assert (shown["toolName"], shown["input"], shown["requestedBy"], shown["approver"]) == (
        "effects.dual", {"name": "a"}, engine.user_id, "other",
    )  # fmt: skip
    approvals.decide(other, prompt_id, shown["toolCallId"], True, permissions=WRITER)
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.effects() == ["a"]
    row = engine.db.execute("SELECT decided_by FROM prompt_calls WHERE prompt_id = %s", (prompt_id,)).fetchone()
    assert row == {"decided_by": other}
    assert engine.prompt_row(prompt_id)["permissions"] == "effects:write"


def test_somebody_else_or_the_user_may_reject(engine: EngineHarness) -> None:
    first, second = (wait_for_approval(engine, DUAL, WRITER) for _ in range(2))
    approvals.decide(unique_id("other-"), first, "call_1", False, reason="Too many", permissions=["*"])
    engine.decide(second, False, permissions=[])
    for prompt_id in (first, second):
        engine.advance(prompt_id)
        assert engine.tool_results(prompt_id)[0].startswith("A person rejected this call")
    assert engine.effects() == []


def test_nobody_decides_about_anothers_own_approval(engine: EngineHarness) -> None:
    prompt_id, other = wait_for_approval(engine, GUARDED, WRITER), unique_id("other-")
    with pytest.raises(PromptNotFound):
        approvals.decide(other, prompt_id, "call_1", True, permissions=["*"])
    assert prompt_id not in [approval["promptId"] for approval in list_approvals(other, ["*"])]
    assert [approval["promptId"] for approval in list_approvals(engine.user_id, [])] == [prompt_id]


def test_a_setting_says_who_approves(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_APPROVERS", "effects.guard=other,effects.dual=self")
    guarded, dual = (wait_for_approval(engine, call, WRITER) for call in (GUARDED, DUAL))
    with pytest.raises(Forbidden):
        engine.decide(guarded, permissions=WRITER)
    engine.decide(dual, permissions=WRITER)


def test_an_approver_without_a_permission_is_a_wrong_setting(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOOL_APPROVERS", "effects.ask=other")
    prompt_id = engine.submit_and_advance({"text": "Hi."})
    assert "setting of this service is missing or wrong" in engine.last_event(prompt_id)[1]["message"]
    assert "TOOL_APPROVERS" in [vars(record).get("setting") for record in caplog.records]


def test_the_list_has_pages(engine: EngineHarness) -> None:
    prompt_ids = {wait_for_approval(engine, GUARDED, WRITER) for _ in range(5)}
    assert {approval["promptId"] for approval in list_approvals(engine.user_id, [])} == prompt_ids
