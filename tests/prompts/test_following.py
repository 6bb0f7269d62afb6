"""One who follows a prompt, in this process: what he hears, what he only sees, and what he is told while text comes."""

import asyncio
import time

from pointsman.db import connection, prompt_events, prompt_runs
from pointsman.db.connection import run
from pointsman.db.prompt_notes import Listener
from pointsman.prompts import beginning, following
from pointsman.prompts.following import Follower, Told
from tests.prompts.bench import Bench

OWNER = "owner-of-this-test"


class Deaf(Listener):
    """What a pooler makes of a listener."""

    def listen(self) -> None:
        self._on = run(lambda db: db)


def following_now(bench: Bench, prompt_id: str, kind: type[Listener] = Listener) -> Follower:
    """One who has followed from the start, and so does not ask at once whether anybody works on it."""
    follower = Follower(bench.user, prompt_id, 0, kind(prompt_id))
    assert [one.event for one in follower.open()] == ["prompt.created"]
    return follower


def more(follower: Follower, seconds: float = 5) -> list[Told]:
    return asyncio.run(follower.more(seconds))


def claimed(bench: Bench, tokens: bool = True) -> str:
    """A prompt whose turn this test plays."""
    prompt_id = bench.begin(tokens=tokens)
    assert run(lambda db: prompt_runs.claim(db, prompt_id, 0, OWNER))
    return prompt_id


def tell(prompt_id: str, *texts: str | None) -> None:
    for text in texts:
        run(lambda db, text=text: prompt_events.tell(db, prompt_id, OWNER, text))


def pieces(told: list[Told]) -> list[str]:
    return ["RESET" if one.data.get("reset") else str(one.data["text"]) for one in told if one.event == "prompt.delta"]


def test_what_is_heard_comes_at_once_and_in_order(bench: Bench) -> None:
    bench.simulator.script_model({"text": "One two three."}, match="A question.")
    heard: list[Listener] = []

    def listen(prompt_id: str) -> None:
        heard.append(Listener(prompt_id))
        heard[0].listen()

    prompt_id = beginning.begin(bench.user, "A question.", tokens=True, follow=listen)
    follower = Follower(bench.user, prompt_id, 0, heard[0])
    assert [one.event for one in follower.open()] == ["prompt.created"]
    bench.advance(prompt_id)
    told = more(follower)
    assert [one.seq for one in told if one.seq] == [2, 3]
    assert told[-1].event == "prompt.completed"
    assert follower.ended
    assert "".join(pieces(told)) == "One two three."
    follower.close()


def test_pieces_come_from_the_beginning_of_a_turn_only(bench: Bench) -> None:
    prompt_id = claimed(bench)
    follower = following_now(bench, prompt_id)
    tell(prompt_id, "in the middle")
    assert more(follower, 0.1) == []
    tell(prompt_id, None, "One", " two")
    assert pieces(more(follower)) == ["One", " two"]
    tell(prompt_id, None, "One")
    assert pieces(more(follower)) == ["RESET", "One"]
    run(lambda db: prompt_events.add(db, prompt_id, "prompt.output", {"type": "text"}))
    tell(prompt_id, None, "Three")
    told = more(follower)
    assert [(one.event, one.seq) for one in told] == [("prompt.output", 2), ("prompt.delta", None)]
    assert pieces(told) == ["Three"]
    follower.close()


def test_a_piece_of_a_text_that_has_come_is_left_out(bench: Bench) -> None:
    prompt_id = claimed(bench)
    follower = following_now(bench, prompt_id)
    tell(prompt_id, None, "One")
    run(lambda db: prompt_events.add(db, prompt_id, "prompt.output", {"type": "text"}))
    # Seen before it is heard of.
    assert [one.seq for one in follower._look()] == [2]
    assert more(follower, 0.1) == []
    follower.close()


def test_a_connection_that_breaks_takes_the_text_back_and_loses_no_event(bench: Bench) -> None:
    prompt_id = claimed(bench)
    follower = following_now(bench, prompt_id)
    tell(prompt_id, None, "One")
    assert pieces(more(follower)) == ["One"]
    mine = run(lambda db: db.execute("SELECT pg_backend_pid() AS pid").fetchone())
    assert mine is not None
    bench.db.execute("SELECT pg_terminate_backend(%s)", (mine["pid"],))
    assert pieces(more(follower)) == ["RESET"]
    tell(prompt_id, " two")
    run(lambda db: prompt_events.add(db, prompt_id, "prompt.output", {"type": "text"}))
    assert [(one.event, one.seq) for one in more(follower)] == [("prompt.output", 2)]
    follower.close()


def test_who_hears_nothing_sees_it_at_the_next_look(bench: Bench) -> None:
    prompt_id = claimed(bench)
    follower = following_now(bench, prompt_id, Deaf)
    began = time.monotonic()
    for seq in (2, 3):
        bench.db.execute(
            "INSERT INTO prompt_events (prompt_id, seq, event, data) VALUES (%s, %s, 'prompt.output', '{}')",
            (prompt_id, seq),
        )
        assert [one.seq for one in more(follower)] == [seq]
    assert time.monotonic() - began < 4 * following._LOOK
    follower.close()


def test_nothing_is_listened_to_any_more_once_it_is_closed(bench: Bench) -> None:
    follower = following_now(bench, claimed(bench))
    query = "SELECT count(*) AS channels FROM pg_listening_channels()"
    assert run(lambda db: db.execute(query).fetchone()) == {"channels": 1}
    follower.close()
    assert run(lambda db: db.execute(query).fetchone()) == {"channels": 0}
    connection.close()
    follower.close()
