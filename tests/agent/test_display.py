"""What a person sees of a call: every hidden character as an escape, different values differently, bounded sizes."""

import json
import random
import sys
import unicodedata

import pytest

from pointsman.agent.display import MAX_SHOWN_BYTES, quote_name, show_text, show_value
from pointsman.agent.plugins.instances import Instances
from pointsman.agent.plugins.instances_models import Configure, OneInstance

HIDDEN_RANGES = [
    *range(0x20), *range(0x7F, 0xA0), 0xA0, 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x180E, *range(0x2000, 0x2010),
    *range(0x2028, 0x2030), *range(0x205F, 0x2070), 0x2800, 0x3000, 0x3164, *range(0xD800, 0xD810), 0xE000, 0xFEFF,
    *range(0xFE00, 0xFE10), 0xFFA0, *range(0xFFF0, 0xFFFC), 0x1D173, *range(0xE0000, 0xE0080), 0xE0100, 0xF0000,
    0x10FFFF,
]  # fmt: skip


def test_every_hidden_character_is_shown_as_an_escape() -> None:
    for code in HIDDEN_RANGES:
        shown = show_text(f"a{chr(code)}b")
        assert shown == (f"a\\u{code:04x}b" if code <= 0xFFFF else f"a\\U{code:08x}b"), hex(code)
        assert shown.isascii()


def test_no_character_of_a_hidden_category_is_shown() -> None:
    hidden = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in hidden:
            assert show_text(f"a{chr(code)}b").isascii(), hex(code)


@pytest.mark.parametrize("text", ["", "Grüße, 東京, “naïve”", "a b, c.", r"C:\temp", 'it\'s "so"', "\U0001f600"])
def test_what_can_be_seen_is_shown_as_it_is(text: str) -> None:
    assert show_text(text) == text


def test_spaces_that_cannot_be_told_are_shown() -> None:
    names = ["a b", "a  b", " a b", "a b ", "a\u00a0b", "a\tb", "a\u2003b", "A b"]
    shown = [show_text(name) for name in names]
    assert shown[:4] == ["a b", r"a \u0020b", r"\u0020a b", r"a b\u0020"]
    assert len(set(shown)) == len(names)


def test_different_texts_are_shown_differently() -> None:
    """Also those that are written like an escape."""
    pieces = ["\u202e", r"\u202e", "\\", "\\\\", "u", "U", "202e", " ", "a", "\U000e0041", r"\U000e0041"]
    rng, seen = random.Random(1), dict[str, str]()
    for _ in range(50_000):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(1, 5)))
        assert seen.setdefault(show_text(text), text) == text


@pytest.mark.parametrize("character", ["x", "\u202e", "\U0001f600"])
def test_long_text_is_shown_with_its_length_and_digest(character: str) -> None:
    shown = show_text(character * 520_000)
    assert len(shown) < 4100
    assert "… (520000 characters, SHA-256 " in shown
    assert shown != show_text(character * 519_999 + "y")
    assert "…" not in show_text("x" * 2000)


@pytest.mark.limit("approval-input")
def test_no_member_of_a_value_hides_another() -> None:
    value = {
        "cover": "x" * 7_000_000,
        "instanceId": "prod-1",
        "list": [*range(10_000)],
        "deep": {"a": {"b": "y" * 50_000}},
    }
    shown = show_value(value)
    assert isinstance(shown, dict)
    assert shown["instanceId"] == "prod-1"
    assert "7000000 characters" in shown["cover"]
    assert "9" in shown["list"][-1]
    assert " more (SHA-256 " in shown["list"][-1]
    assert len(json.dumps(shown)) <= MAX_SHOWN_BYTES
    assert show_value({"a": [1, 2.5, None, True, {"b": "c"}]}) == {"a": [1, 2.5, None, True, {"b": "c"}]}


@pytest.mark.limit("approval-input")
@pytest.mark.parametrize(
    "value",
    [
        {f"key{number}": number for number in range(100_000)},
        {"k" * 100_000 + str(number): "v" for number in range(50)},
        {"\u202e" * 300 + str(number): "\U0001f600" * 3000 for number in range(200)},
        [[[["x" * 100] * 20] * 20] * 20] * 20,
        10**4000,
        json.loads("[" * 500 + "]" * 500),
        "…" * 100_000,
    ],
    ids=["members", "long keys", "hidden keys", "nested", "number", "deep", "text"],
)
def test_any_value_is_shown_within_the_bound(value: object) -> None:
    assert len(json.dumps(show_value(value))) <= MAX_SHOWN_BYTES


def test_names_in_sentences_are_quoted_unless_they_are_plain() -> None:
    assert quote_name("demo-1.a_b~c") == "demo-1.a_b~c"
    assert quote_name("demo-1, its tools") == '"demo-1, its tools"'
    assert quote_name('a", b') == '"a\\", b"'


def explain(tool_id: str, tool_input: object) -> str:
    tool = next(tool for tool in Instances.tools if tool.id == tool_id)
    assert tool.approval is not None
    return show_text(str(tool.approval(tool_input)))  # type: ignore[arg-type]


@pytest.mark.limit("approval-reason")
def test_reason_names_some_of_many_variables_and_is_bounded() -> None:
    some = Configure(instanceId="a", variables={f"V{number}": "" for number in range(10)})
    assert explain("instances.configure", some) == "Sets V0, V1, V2, V3, V4, V5, V6, V7, V8, V9 of instance a"
    many = Configure(instanceId="a", variables={f"V{number:03}{'X' * 250}": "" for number in range(100)})
    reason = explain("instances.configure", many)
    assert " and 90 more of instance a" in reason
    assert len(reason) < 2000


def test_instance_that_looks_like_another_is_seen_as_another() -> None:
    shown = {
        explain("instances.destroy", OneInstance(instanceId=name))
        for name in ("demo-1", "demo-1 ", "demo\u200b-1", "Demo-1")
    }
    assert len(shown) == 4
    assert r'Destroys instance "demo\u200b-1", its tools' in "\n".join(shown)
