"""What is said of two models on the same frames claims no more than the frames say."""
import types

import numpy as np
import pytest

from jetbot_mlp.comparison import Row, changes, comparison_html, comparison_text, verdict
from jetbot_mlp.evaluation import score

CLASSES = ("blocked", "free")
RIGHT, WRONG = [0.9, 0.1], [0.1, 0.9]


def judged(predicted, expected, task="collision"):
    names = [str(i) for i in range(len(expected))]
    return score(task, CLASSES if task == "collision" else None, np.array(predicted), np.array(expected), names,
                 np.zeros((len(expected), 8, 8, 3), np.uint8))


def row(better, worse, frames="new", **more):
    """So many of the frames, all blocked, does the new model judge better than the old one, so many worse."""
    expected = [0] * (better + worse)
    return Row(frames, judged([WRONG] * better + [RIGHT] * worse, expected),
               judged([RIGHT] * better + [WRONG] * worse, expected), "a <note> for people", **more)


def compared(new, old=None):
    model = types.SimpleNamespace(task="collision")
    return types.SimpleNamespace(rows=[row(1, 1, "old") if old is None else old, new],
                                 trained=types.SimpleNamespace(model=model))


@pytest.mark.parametrize("better, worse, words", [(8, 1, "keep it"), (2, 1, "may be chance"), (1, 8, "got worse")])
def test_a_verdict_is_given_where_it_is_more_than_chance(better, worse, words):
    said = verdict(compared(row(better, worse)))
    assert said.startswith(f"of the new frames {better} got better and {worse} worse") and words in said


def test_what_was_lost_of_the_old_weighs_more():
    assert "lost what the old one could" in verdict(compared(row(8, 1), row(1, 8, "old")))


def test_frames_that_were_learnt_say_nothing_whatever_the_note():
    assert "not known yet" in verdict(compared(row(8, 1, learnt=True)))


def test_roads_are_judged_by_five_px():
    target = np.zeros((4, 2))
    off = target + [[0.1, 0], [0.1, 0], [0.1, 0], [0, 0]]
    now = target + [[0, 0], [0.2, 0], [0.12, 0], [0, 0]]
    assert changes(Row("new", judged(off, target, "road"), judged(now, target, "road"), "")) == (1, 1)


def test_table_and_text_hold_the_scores_the_notes_and_the_verdict():
    both = compared(row(3, 1))
    html, text = comparison_html(both), comparison_text(both)
    assert "a &lt;note&gt; for people" in html and "a <note> for people" in text
    for words in (verdict(both), "25.0 %", "75.0 %"):
        assert words in html and words in text
