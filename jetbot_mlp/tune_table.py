"""The result of a search among settings, for people: the ranking, and what may be concluded from it."""
import textwrap

from .crossvalidate import HIGHER_IS_BETTER, SCORES
from .tune import difference, score_of, settings_of

_MOST_SHOWN = 20
_WIDTH = 100
_DIFFERENCES = {"collision": "points of balanced accuracy", "road": "px in x"}
_UNITS = {"collision": ("balanced accuracy, %", 100), "road": ("x off by, px of 224", 1)}


def format_tuning(task, tuning, recipe, titles, n_blocks):
    """Lines of text. tuning: `tune.Tuning`; recipe: the default one; titles: of the datasets."""
    unit, scale = _UNITS[task]
    names = list(settings_of(task, 1, 0))
    default = next(trial for trial in tuning.ranking if trial.number == 0)
    rows = [["place", "trial", unit, "gain over the default"] + [name.replace("_", " ") for name in names]]
    for place, trial in enumerate(tuning.ranking, 1):
        if place > _MOST_SHOWN and trial is not default:
            continue
        gain, half = gain_of(task, trial, default, n_blocks)
        values = [getattr(recipe, name) if trial is default else trial.settings[name] for name in names]
        rows.append([str(place), str(trial.number), f"{scale * score_of(trial):.1f}",
                     "(the default)" if trial is default else f"{scale * gain:+.1f} +- {scale * half:.1f}"]
                    + ["-".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}" for value in values])
    lines = _aligned(rows)
    if len(tuning.ranking) > len(rows) - 1:
        lines.append(f"... {len(tuning.ranking) - len(rows) + 1} more")
    lines += [""] + textwrap.wrap(verdict(task, tuning, n_blocks), _WIDTH) + [""] + textwrap.wrap(
        "The best of many is chosen by these very folds, so its score above is too good. On the last fifth in time of "
        "each class, which no trial has seen:", _WIDTH)
    best = tuning.ranking[0].number
    name = SCORES[task][0]
    rows = [[unit, "default"] + (["best trial"] if best else [])]
    for i, title in enumerate(titles):
        rows.append([title] + [_with_interval(tuning.final[number][i], name, scale)
                               for number in sorted(tuning.final)])
    return "\n".join(lines + _aligned(rows))


def verdict(task, tuning, n_blocks):
    """One sentence: is the best trial better than the default by more than the folds scatter?"""
    unit, scale = _UNITS[task]
    best = tuning.ranking[0]
    place = [trial.number for trial in tuning.ranking].index(0) + 1
    n = len(tuning.ranking)
    if best.number == 0:
        return f"The default recipe is the best of the {n}."
    default = tuning.ranking[place - 1]
    gain, half = gain_of(task, best, default, n_blocks)
    start = (f"Trial {best.number} is better than the default (place {place} of {n}) by {scale * gain:.1f} +- "
             f"{scale * half:.1f} {_DIFFERENCES[task]} (95 % interval): ")
    if gain <= half:
        return start + "no more than the folds scatter, so there is no reason to leave the default."
    return start + f"more than the folds scatter; but the best of {n} is partly luck."


def gain_of(task, trial, default, n_blocks):
    """`tune.difference`, turned so that above 0 is better."""
    gain, half = difference(trial, default, n_blocks)
    return (gain if HIGHER_IS_BETTER[task] else -gain), half


def _with_interval(metrics, name, scale):
    low, high = metrics[name + "_interval"] or (float("nan"),) * 2
    return f"{scale * metrics[name]:.1f} ({scale * low:.1f} to {scale * high:.1f})"


def _aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
            for row in rows]
