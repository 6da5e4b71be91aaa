"""A finished training -> what the report page shows of it."""
import cv2
import numpy as np

from .held_out_twins import leaks_of, parts_of, warning_of_leaks
from .report import TrainingReport
from .report_suspects import leak_html, suspects_html
from .suspects import find_suspects

PICTURES = 24  #: hidden units shown: those with the largest weights
SIDE = 48  #: px of one pane


def training_report(title, trained, model_bytes, skipped=(), dataset=None, leaks=None):
    """trained: `Trained`; skipped: list of (file name, reason); dataset: all its frames, or None; leaks: `leaks_of`
    both, if they are known. Returns TrainingReport."""
    leaks = leaks_of(trained, dataset) if leaks is None else leaks
    model = trained.model
    training = model.training
    spec = model.feature_spec
    facts = [
        ("Task", model.task),
        ("Frames", training["samples"]),
        ("Trained on", training.get("trained_on", training["samples"])),
        ("Held out", training["held_out_rule"]),
        ("Layers", " - ".join(str(n) for n in model.network.layer_sizes)),
        ("Units", f"{model.network.hidden_activation}, output {model.network.output_activation}"),
        ("Parameters", model.network.n_parameters),
        ("Model file", f"{model_bytes / 1000:.0f} kB"),
        ("Training took", f"{trained.seconds:.1f} s"),
        ("Epochs", training["epochs"]),
        ("Input", _input_in_words(spec)),
    ]
    if trained.interrupted:
        facts.append(("Ended", "by Ctrl-C; the best model so far was kept"))
    return TrainingReport(title, facts, trained.history, trained.evaluation, weight_pictures(model),
                          [note for note in trained.notes if note != training["held_out_rule"]], list(skipped),
                          [] if leaks is None else [leak_html(*parts_of(trained, dataset), leaks, model.mirrored)],
                          warning=warning_of_leaks(leaks))


def evaluation_report(title, model, evaluation, dataset=None, warning=""):
    """A model on any frames. evaluation: `Evaluation`; dataset: its frames, or None for MNIST's test images; warning:
    how many of them the model was trained on, in words, or "". Returns TrainingReport."""
    facts = [("Task", model.task), ("Frames", evaluation.metrics["samples"]),
             ("Layers", " - ".join(str(n) for n in model.network.layer_sizes)),
             ("Input", _input_in_words(model.feature_spec))]
    sections = [] if dataset is None else [suspects_html(dataset, find_suspects(dataset, mirror=model.mirrored))]
    return TrainingReport(title, facts, None, evaluation, weight_pictures(model), sections=sections,
                          notes=[] if dataset is None else dataset.notes, warning=warning,
                          scored="the test images" if dataset is None else "the frames evaluated")


def _input_in_words(spec):
    parts = []
    if spec.grey_size:
        parts.append(f"{spec.grey_size} x {spec.grey_size} grey pixels")
    if spec.color_size:
        parts.append(f"{spec.color_size} x {spec.color_size} colour pixels")
    if spec.gradient_size:
        parts.append(f"edge strength in {spec.directions} directions in "
                     + " and ".join(f"{cells} x {cells}" for cells in spec.maps) + " cells")
    return " + ".join(parts)


def weight_pictures(model):
    """What excites the first hidden units, as pictures: (caption, float (m, SIDE, k * SIDE)).

    One pane for each kind of number the frame is made of: grey pixels, colour pixels (sum over the
    three opponent colours), each gradient map (sum over the directions of each block).
    """
    spec, weights = model.feature_spec, model.network.weights_[0]
    strongest = np.argsort(-np.linalg.norm(weights, axis=0))[:PICTURES]
    names, panes, start = [], [], 0
    for name, shape in ([("grey pixels", (spec.grey_size, spec.grey_size, 1)),
                         ("colour pixels", (spec.color_size, spec.color_size, 3))]
                        + [(f"edges in {cells} x {cells} cells", (cells - 1, cells - 1, 4 * spec.directions))
                           for cells in spec.maps]):
        size = shape[0] * shape[1] * shape[2]
        if not size:
            continue
        block = weights[start:start + size, strongest].T.reshape((-1,) + shape).sum(axis=3)
        block /= np.abs(block).max() + 1e-12
        panes.append(np.stack([cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
                               for picture in block]))
        names.append(name)
        start += size
    caption = f"First-layer weights of {len(strongest)} units, left to right: {', '.join(names)}"
    return caption, np.concatenate(panes, axis=2)
