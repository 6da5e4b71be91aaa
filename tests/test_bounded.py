import _thread
import threading

import pytest
from driving_fakes import wait_until

from jetbot_mlp.bounded import HANGS, Bounded


@pytest.mark.parametrize("answer", [None, "refused"])
def test_it_gives_what_the_function_gives(answer):
    call = Bounded(lambda: answer, 60.0)
    assert call() == answer and not call.hangs


def test_what_it_raises_comes_in_words():
    assert Bounded(lambda: 1 // 0, 60.0)() == "ZeroDivisionError: integer division or modulo by zero"


def test_a_call_that_hangs_is_given_up_no_other_is_begun_and_afterwards_one_is():
    go_on, begun = threading.Event(), []

    def function():
        begun.append(1)
        go_on.wait(60.0)

    call = Bounded(function, 0.05)
    assert call() == HANGS and call.hangs
    assert call() == HANGS and len(begun) == 1
    go_on.set()
    assert wait_until(lambda: not call.hangs, 30.0)
    call.patience_s = 60.0
    assert call() is None and len(begun) == 2


def test_the_answer_is_of_a_call_that_began_after_it_was_asked_for():
    # zeros that were begun before a command was written say nothing of the wheels after it
    first, go_on, begun, answers = threading.Event(), threading.Event(), [], []

    def function():
        begun.append(len(begun))
        if begun == [0]:
            first.set()
            go_on.wait(60.0)
        return str(begun[-1])

    call = Bounded(function, 60.0)
    threads = [threading.Thread(target=lambda: answers.append(call())) for _ in range(2)]
    threads[0].start()
    assert first.wait(30.0)
    threads[1].start()
    threads[1].join(0.1)
    go_on.set()
    for thread in threads:
        thread.join(30.0)
    assert len(begun) == 2 and "1" in answers


def test_where_no_thread_can_be_started_any_more_it_is_called_all_the_same(monkeypatch):
    def refuse(function, arguments):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    assert Bounded(lambda: "done", 60.0)() == "done"
