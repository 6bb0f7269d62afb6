"""Function names map to tool ids and back; SSE events do not depend on chunk boundaries."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.agent.model.sse_parser import iter_event_data
from pointsman.agent.model.tool_names import MAX_LENGTH, ToolNameMap, limit_name, sanitize_name

IDS = st.one_of(
    st.text("ab._", min_size=1, max_size=6), st.sampled_from(["time.now", "time_now", "x." * 40, "x_" * 40])
)
SAFE = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@settings(deadline=None)
@given(st.lists(st.one_of(IDS, st.text(max_size=80)), unique=True, max_size=8))
def test_every_id_has_a_unique_name_that_maps_back(ids):
    names = ToolNameMap(ids)
    wire = [names.to_function_name(tool_id) for tool_id in ids]
    assert all(SAFE.fullmatch(name) for name in wire)
    assert len(set(wire)) == len(ids)
    assert [names.to_tool_id(name) for name in wire] == ids


@settings(deadline=None)
@given(st.lists(IDS, unique=True, max_size=8), st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order_of_tools(ids, random):
    shuffled = [*ids]
    random.shuffle(shuffled)
    assert [ToolNameMap(ids).to_function_name(tool_id) for tool_id in ids] == [
        ToolNameMap(shuffled).to_function_name(tool_id) for tool_id in ids
    ]


def test_names_are_plain_unless_they_collide_or_are_long():
    names = ToolNameMap(["time.now", "a.b_c", "a_b.c", "x." + "y" * 80])
    assert names.to_function_name("time.now") == "time_now"
    assert re.fullmatch(r"a_b_c_[0-9a-f]{8}", names.to_function_name("a.b_c"))
    assert names.to_function_name("a.b_c") != names.to_function_name("a_b.c")
    assert len(names.to_function_name("x." + "y" * 80)) == MAX_LENGTH


@pytest.mark.limit("function-name")
def test_a_name_has_at_most_64_characters():
    longest, longer = "x." + "y" * 62, "x." + "y" * 63
    names = ToolNameMap([longest, longer])
    assert names.to_function_name(longest) == limit_name(longest) == "x_" + "y" * 62
    for name in (names.to_function_name(longer), limit_name(longer)):
        assert re.fullmatch(r"x_y{53}_[0-9a-f]{8}", name)


def test_a_tool_named_like_a_suffixed_one_gets_another_name():
    clash = ToolNameMap(["a.b", "a_b"]).to_function_name("a.b")
    names = ToolNameMap(["a.b", "a_b", clash])
    assert names.to_function_name(clash) == clash
    assert names.to_tool_id(names.to_function_name("a.b")) == "a.b"


def test_invented_names_are_returned_unchanged():
    assert ToolNameMap(["time.now"]).to_tool_id("no.such") == "no.such"
    assert [sanitize_name(name) for name in ("no.such", "ok-1", "", "ä b")] == ["no_such", "ok-1", "_", "__b"]


LINES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None)
@given(st.lists(LINES.filter(bool)), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.integers(1, 9), st.booleans())
def test_events_do_not_depend_on_chunk_boundaries(texts, end, size, is_complete):
    sent = end.join(b"event: x" + end + b"data: " + text.encode() + end for text in texts)
    content = sent + (end if is_complete else b"")
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    assert list(iter_event_data(pieces)) == texts


@pytest.mark.parametrize("size", [1, 2, 100])
def test_data_lines_are_joined_and_comments_skipped(size):
    content = b"\xef\xbb\xbfdata:a\ndata: b\nid: 7\ndatabase: x\n\n: hello\n\n\n\ndata: c"
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    assert list(iter_event_data(pieces)) == ["a\nb", "", "c"]


def test_a_unicode_line_separator_ends_no_line():
    assert list(iter_event_data(["data: a\u2028b\n\n".encode()])) == ["a\u2028b"]
