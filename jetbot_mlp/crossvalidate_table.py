"""The scores of a cross-validation as a table for the terminal."""
import textwrap

_WIDTH = 100


def format_crossvalidation(task, rows, mean=None, one_fold=False):
    """The scores of several datasets, for people.

    rows: list of (title, summary by `crossvalidate.summarise`); mean: by `mean_of_summaries`, for a last row;
    one_fold: each row is a single fold, so nothing is listed fold by fold. Returns lines of text.
    """
    cells_of = _collision_cells if task == "collision" else _road_cells
    shown = [(title, cells_of(summary, one_fold)) for title, summary in rows]
    if mean is not None:
        shown.append(("mean", cells_of(mean, one_fold)))
    unit = "balanced accuracy, %" if task == "collision" else "x off by, px of 224"
    table = [[unit] + [name for name, _ in shown[0][1]]]
    table += [[title] + [cell for _, cell in cells] for title, cells in shown]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = ["  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
             for row in table]
    if not one_fold:
        lines += ["", "fold by fold:"]
        for title, summary in rows:
            scores = " ".join(_headline(task, fold).rjust(5) for fold in summary["folds"])
            lines += textwrap.wrap(scores, _WIDTH, initial_indent=title.ljust(widths[0] + 2),
                                   subsequent_indent=" " * (widths[0] + 2))
    if task == "collision":
        lines += ["", "all answers:"]
        for title, summary in rows:
            (hit, missed), (false, free) = summary["pooled"]["confusion"]
            lines.append(f"{title.ljust(widths[0])}  {missed} of {hit + missed} blocked frames taken for free, "
                         f"{false} of {false + free} free frames for blocked")
    return "\n".join(line.rstrip() for line in lines)


def _headline(task, scores):
    return _number(scores["balanced_accuracy"], 100) if task == "collision" else _number(scores["mae_x_px"])


def _first_cells(task, summary, one_fold, name, scale):
    """The columns that both tasks have; a mean over datasets has no worst fold, answers or interval."""
    pooled = summary.get("pooled")
    cells = [("score" if one_fold else "mean", _headline(task, summary["mean"]))]
    if not one_fold:
        worst = summary.get("worst")
        cells += [("worst fold", worst and _headline(task, worst) or ""),
                  ("all answers", pooled and _number(pooled[name], scale) or "")]
    return cells + [("95 % interval", pooled and _interval(pooled[name + "_interval"], scale) or "")]


def _collision_cells(summary, one_fold):
    """-> list of (column, text)."""
    pooled, near = summary.get("pooled"), summary["nearest"]
    cells = _first_cells("collision", summary, one_fold, "balanced_accuracy", 100)
    cells.append(("ECE, %", pooled and _number(pooled["expected_calibration_error"], 100) or ""))
    if near:
        cells.append(("nearest", _headline("collision", near["mean"])))
    return cells + [_seconds(summary)]


def _road_cells(summary, one_fold):
    near = summary["nearest"]
    cells = _first_cells("road", summary, one_fold, "mae_x_px", 1)
    cells += [("y off by", _number(summary["mean"]["mae_y_px"])), ("mse", f"{summary['mean']['mse']:.4f}")]
    if near:
        ratio = summary["ratio"]
        cells += [("nearest", _headline("road", near["mean"])), ("ratio", "-" if ratio is None else f"{ratio:.2f}")]
    return cells + [_seconds(summary)]


def _seconds(summary):
    return "training", f"{summary['seconds']:.1f} s" if "seconds" in summary else ""


def _number(value, scale=1):
    return "-" if value is None else f"{scale * value:.1f}"


def _interval(interval, scale):
    return "-" if interval is None else f"{scale * interval[0]:.1f} to {scale * interval[1]:.1f}"
