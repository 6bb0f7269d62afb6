"""A tool: validation of input and output, errors, and approvals."""

import httpx
import psycopg
import pytest
from pydantic import BaseModel

from pointsman.agent import Invocation, Output, Services, Tool, ToolContext, describe_tool, safe_error_text
from pointsman.errors import ApprovalRequired, CompositionError, InvalidToolInput, NotFound, ToolFailed
from tests.agent.sample_tools import SayInput, SayOutput, make_failing_tool, make_invocation, make_tool

SECRET = "planted-secret"


def list_issue_paths(raw: object) -> list[list[str | int]]:
    with pytest.raises(InvalidToolInput) as refused:
        make_tool().call(make_invocation(), raw)
    assert refused.value.status == 422
    assert SECRET not in str(refused.value.issues)
    return [issue["path"] for issue in refused.value.issues]


def expect_failure(failing: Tool[SayInput, SayOutput], secrets: dict[str, str] | None = None) -> ToolFailed:
    with pytest.raises(ToolFailed) as failed:
        failing.call(make_invocation(secrets), {"text": "a"})
    return failed.value


def test_a_valid_input_is_passed_on_and_the_output_comes_back_as_json() -> None:
    assert make_tool().call(make_invocation(), {"text": "ab", "times": 2}) == {"said": "abab", "length": 4}


def test_validation_issues_have_a_path_and_no_value() -> None:
    assert list_issue_paths({}) == [["text"]]
    assert list_issue_paths({"text": 5, "times": SECRET}) == [["text"], ["times"]]
    assert list_issue_paths({"text": "a", "times": 10}) == [["times"]]
    assert list_issue_paths({"text": "a", "other": SECRET}) == [["other"]]


@pytest.mark.parametrize("raw", [None, [], "text", 5, [{"text": "a"}]])
def test_an_input_that_is_not_an_object_is_rejected(raw: object) -> None:
    assert list_issue_paths(raw) == [[]]


def test_surrogates_deep_nesting_and_infinity_are_rejected() -> None:
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    assert list_issue_paths({"text": "\ud800"}) == [[]]
    assert list_issue_paths({"text": "a", "other": deep}) == [[]]
    assert list_issue_paths({"text": "a", "times": float("inf")}) == [[]]


def test_only_dates_are_converted_from_text() -> None:
    assert list_issue_paths({"text": "a", "times": "2"}) == [["times"]]
    assert list_issue_paths({"text": "a", "times": True}) == [["times"]]
    assert make_tool().call(make_invocation(), {"text": "a", "on": "2026-02-03"}) == {"said": "a", "length": 1}


def test_a_mapping_that_matches_the_output_is_accepted() -> None:
    assert make_tool(lambda _context: {"said": "x", "length": 1}).call(make_invocation(), {"text": "a"}) == {
        "said": "x",
        "length": 1,
    }


def test_an_invalid_output_is_a_failure_with_paths_and_no_values() -> None:
    message = expect_failure(make_tool(lambda _context: {"said": "x", "length": SECRET})).message
    assert message == "words.say returned something that is not its output: length (int_type)"
    assert "said (missing), length (missing)" in expect_failure(make_tool(lambda _context: {})).message
    assert "not its output" in expect_failure(make_tool(lambda _context: None)).message  # type: ignore[arg-type, return-value]
    broken = SayOutput.model_construct(said=5, length=SECRET)
    assert SECRET not in expect_failure(make_tool(lambda _context: broken)).message


def test_an_output_is_serialized_as_its_declared_type() -> None:
    class More(SayOutput):
        secret: str

    found = make_tool(lambda _context: More(said="x", length=1, secret=SECRET)).call(make_invocation(), {"text": "a"})
    assert found == {"said": "x", "length": 1}


def test_an_output_that_is_not_serializable_is_a_failure() -> None:
    class Anything(Output):
        value: object

    odd = Tool("words.odd", "Odd", SayInput, Anything, lambda _context: {"value": object()})
    with pytest.raises(ToolFailed, match="cannot be written as JSON"):
        odd.call(make_invocation(), {"text": "a"})


def test_a_tools_exception_becomes_the_errors_message() -> None:
    failed = expect_failure(make_failing_tool(ValueError("the hat is empty")))
    assert (failed.status, failed.code, failed.message, failed.details) == (500, "TOOL_ERROR", "the hat is empty", {})
    assert isinstance(failed.__cause__, ValueError)
    assert expect_failure(make_failing_tool(SystemExit("bye"))).message == "bye"


def test_a_pointsman_error_keeps_its_code() -> None:
    failed = expect_failure(make_failing_tool(NotFound("Instance x not found")))
    assert (failed.message, failed.details) == ("Instance x not found", {"code": "NOT_FOUND"})


def test_a_secret_of_the_container_is_redacted() -> None:
    failing = make_failing_tool(RuntimeError(f"401 with {SECRET}"))
    assert expect_failure(failing, {"SERVICE_KEY": SECRET}).message == "401 with ***"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (psycopg.OperationalError("connection to postgresql://u:planted-secret@h failed"), "OperationalError"),
        (psycopg.errors.UniqueViolation("Key (k)=(planted-secret) exists"), "UniqueViolation"),
        (httpx.ConnectError("https://u:planted-secret@h"), "ConnectError"),
        (ValueError(), "ValueError"),
        (KeyError("name"), "'name'"),
        (ValueError("  \n "), "ValueError"),
        (ValueError("x" * 501), "x" * 499 + "…"),
        (ValueError("half \ud800"), "half ?"),
    ],
)
def test_error_texts_are_safe_to_return(error: Exception, text: str) -> None:
    assert safe_error_text(error) == text


def test_a_foreign_models_validation_error_shows_no_value() -> None:
    class Foreign(BaseModel):
        number: int

    with pytest.raises(ValueError, match=SECRET) as raised:
        Foreign.model_validate({"number": SECRET})
    assert safe_error_text(raised.value).startswith("ValidationError: number: Input should be a valid integer")
    assert SECRET not in safe_error_text(raised.value)


def test_an_error_without_a_usable_str_is_its_class_name() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert safe_error_text(Mute()) == "Mute"


def test_an_input_that_needs_an_approval_runs_only_with_one() -> None:
    ran: list[str] = []

    def note(context: ToolContext[SayInput]) -> SayOutput:
        ran.append(context.input.text)
        return SayOutput(said="", length=0)

    careful = make_tool(note, approval=lambda words: "It is loud" if words.times > 1 else None)
    careful.call(make_invocation(), {"text": "quiet"})
    with pytest.raises(ApprovalRequired, match="It is loud") as refused:
        careful.call(make_invocation(), {"text": "loud", "times": 2})
    assert (refused.value.status, refused.value.code) == (403, "APPROVAL_REQUIRED")
    assert ran == ["quiet"]
    careful.call(make_invocation(), {"text": "loud", "times": 2}, approved=True)
    assert ran == ["quiet", "loud"]


def test_an_invalid_input_is_rejected_before_an_approval_is_required() -> None:
    with pytest.raises(InvalidToolInput):
        make_tool(approval=lambda _words: "always").call(make_invocation(), {})


def test_a_failing_approval_rule_is_a_failure() -> None:
    def rule(_words: SayInput) -> str | None:
        raise KeyError("rule")

    assert "'rule'" in expect_failure(make_tool(approval=rule)).message


def test_a_tool_gets_the_user_and_over_rest_an_empty_state_and_a_no_op_callback() -> None:
    contexts: list[ToolContext[SayInput]] = []

    def record(context: ToolContext[SayInput]) -> SayOutput:
        contexts.append(context)
        context.state["left"] = True
        context.output_file("a.txt", "text/plain", "A file")
        return SayOutput(said="", length=0)

    services = Services({"KEY": SECRET})
    for _ in range(2):
        make_tool(record).call(Invocation("user-1", services), {"text": "a"})
    assert [context.user_id for context in contexts] == ["user-1", "user-1"]
    assert contexts[0].state is not contexts[1].state
    assert contexts[1].services is services
    assert contexts[1].secrets["KEY"] == SECRET
    assert SECRET not in repr(contexts[0])


@pytest.mark.limit("tool-id")
def test_the_longest_id_is_accepted() -> None:
    assert len(make_tool(tool_id="a." + "b" * 126).id) == 128


@pytest.mark.limit("tool-id")
@pytest.mark.parametrize("tool_id", ["now", "Time.now", "time.", ".now", "time now.x", "time/now.x", "a." + "b" * 127])
def test_ids_are_words_with_dots_between(tool_id: str) -> None:
    with pytest.raises(CompositionError, match="ids are like"):
        make_tool(tool_id=tool_id)


def test_invalid_tools_are_rejected_on_construction() -> None:
    async def later(_context: ToolContext[SayInput]) -> SayOutput:
        return SayOutput(said="", length=0)

    with pytest.raises(CompositionError, match="plain def"):
        make_tool(later)  # type: ignore[arg-type]
    with pytest.raises(CompositionError, match="description"):
        Tool("words.say", " ", SayInput, SayOutput, lambda _context: {})


def test_a_tool_can_be_parameterized_with_its_types() -> None:
    assert Tool[SayInput, SayOutput]("words.say", "Says", SayInput, SayOutput, lambda _context: {}).id == "words.say"


def test_the_description_has_both_schemas_without_field_titles() -> None:
    description = describe_tool(make_tool(), "words")
    assert {key: description[key] for key in ("id", "description", "tag")} == {
        "id": "words.say",
        "description": "Says the text",
        "tag": "words",
    }
    assert description["input"]["required"] == ["text"]
    assert description["input"]["additionalProperties"] is False
    assert description["input"]["properties"]["times"] == {"default": 1, "maximum": 9, "minimum": 1, "type": "integer"}
    assert description["output"]["required"] == ["said", "length"]
    assert "tag" not in describe_tool(make_tool())
