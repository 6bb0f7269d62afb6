"""Concurrent calls: all of them end, and errors of ours take the place of results."""

import threading

import pytest

from pointsman.concurrent_calls import call_all, call_both
from pointsman.errors import NotFound


def raise_not_found() -> str:
    raise NotFound("nothing")


def test_calls_run_at_the_same_time_the_first_one_in_the_callers_thread() -> None:
    barrier, threads = threading.Barrier(3, timeout=5), list[threading.Thread]()

    def call() -> int:
        barrier.wait()
        threads.append(threading.current_thread())
        return len(threads)

    assert sorted(call_all([call, call, call])) == [1, 2, 3]
    assert threading.current_thread() in threads
    assert call_all([threading.current_thread, lambda: None])[0] is threading.current_thread()


def test_an_error_takes_the_place_of_its_result() -> None:
    results = call_all([raise_not_found, lambda: "there", raise_not_found])
    assert [type(result) for result in results] == [NotFound, str, NotFound]
    assert call_all([]) == []
    assert call_all([lambda: 1]) == [1]


def test_an_unexpected_error_is_raised_after_all_calls_have_ended() -> None:
    ended = list[str]()
    with pytest.raises(ZeroDivisionError):
        call_all([lambda: 1 / 0, lambda: ended.append("other")])
    assert ended == ["other"]


def test_both_results_or_the_first_error() -> None:
    assert call_both(lambda: 1, lambda: "two") == (1, "two")
    with pytest.raises(NotFound):
        call_both(raise_not_found, lambda: 1)
    with pytest.raises(NotFound):
        call_both(lambda: 1, raise_not_found)
