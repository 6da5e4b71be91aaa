"""How many of these frames was a model trained on? Told from a few kB in its file, whatever else lies in the folder.

The record is a *bottom-k sketch*: of the SHA-256 digests of the frames that were trained on, the first 32 bits, and of
those the 1,000 smallest (Broder 1997, On the resemblance and containment of documents; Cohen & Kaplan 2007, Summarizing
data using bottom-k sketches). Digests are as good as random, so the smallest ones are a random sample. Up to 1,000
frames they are all there, and the answer is exact; above, those frames of another set can be looked up whose prefix is
not above the largest kept, and their share is an estimate for all. Two different frames share 32 bits once in 4e9
pairs. Copies that were cropped or saved anew have other digests: this is no search for near-twins (`near_twins`).
"""
import re
from typing import NamedTuple, Optional

import numpy as np

from .metrics import classification_metrics, road_metrics

MOST = 1000  #: prefixes kept
DIGITS = 8  #: hex digits of each
KEY, OLD_KEY = "trained_on_sketch", "data_fingerprint"  #: in a model's training record; OLD_KEY: over the whole set
_FEWEST = 10  #: frames of each part before the others get a score of their own


class Overlap(NamedTuple):
    """What is known about n frames. Nothing: looked_up is 0."""

    n: int
    looked_up: int  #: frames that could be looked up
    known: int  #: of these, how many the model was trained on
    is_known: Optional[np.ndarray] = None  #: bool (n,) if all could be looked up one by one, else None

    @property
    def share(self):
        """The share of all that the model was trained on, or None."""
        return self.known / self.looked_up if self.looked_up else None


def sketch(hashes, *others):
    """The record of these frames, and of those in other records: ascending prefixes in one string of hex digits.

    hashes: list of bytes, SHA-256 each; others: records; whatever is none counts as empty.
    """
    prefixes = {digest[:DIGITS // 2].hex() for digest in hashes}.union(*[_prefixes(other) for other in others])
    return "".join(sorted(prefixes)[:MOST])


def overlap(training, dataset):
    """training: a model's training record, from any file; dataset: `Dataset` -> Overlap.

    Files of older versions know the fingerprint of their whole set only, held-out frames too.
    """
    kept = _prefixes(training.get(KEY))
    n = len(dataset)
    if not kept:
        if n == 0 or training.get(OLD_KEY) != dataset.fingerprint():
            return Overlap(n, 0, 0)
        learnt = training.get("trained_on")
        return Overlap(n, n, learnt if type(learnt) is int and 0 < learnt <= n else n)
    prefixes = [digest[:DIGITS // 2].hex() for digest in dataset.hashes]
    is_known = np.array([prefix in kept for prefix in prefixes], dtype=bool)
    if len(kept) < MOST:
        return Overlap(n, n, int(is_known.sum()), is_known)
    last = max(kept)
    return Overlap(n, sum(prefix <= last for prefix in prefixes), int(is_known.sum()))


def overlap_in_words(found, evaluation):
    """found: Overlap; evaluation: `Evaluation` of the same frames -> one sentence, or "" if none is known.

    If there are some frames of each kind, those that the model has not seen get a score of their own.
    """
    if not found.known:
        return ""
    if found.looked_up < found.n:
        return ("about {:.0f} % of these {} frames are frames that the model was trained on (estimated from {} of "
                "them): their score says how well it remembers them".format(
                    100 * found.share, found.n, found.looked_up))
    if found.known == found.n > 1:
        return "all these {} frames are frames that the model was trained on: their score says how well it remembers " \
               "them".format(found.n)
    words = "{} of these {} frames {} that the model was trained on: {} score says how well it remembers {}".format(
        found.known, found.n, *(("is a frame", "its", "it") if found.known == 1 else ("are frames", "their", "them")))
    if found.is_known is None or min(found.known, found.n - found.known) < _FEWEST:
        return words
    expected, predicted = (np.asarray(part)[~found.is_known] for part in (evaluation.expected, evaluation.predicted))
    if evaluation.task == "road":
        score = "is off by {:.1f} px sideways".format(road_metrics(expected, predicted)["mae_x_px"])
    else:
        score = "has {:.1f} % right".format(
            100 * classification_metrics(expected, predicted, evaluation.classes)["accuracy"])
    return words + "; on the other {} it {}".format(len(expected), score)


def overlap_as_json(found):
    """For JSON: frames (an estimate if not exact), share, exact; all None if nothing is known."""
    if not found.looked_up:
        return {"frames": None, "share": None, "exact": None}
    return {"frames": int(round(found.share * found.n)), "share": found.share, "exact": found.looked_up == found.n}


def _prefixes(record):
    """The set of prefixes in a record; a file may hold anything there."""
    if not isinstance(record, str) or len(record) > DIGITS * MOST or not re.match(r"(?:[0-9a-f]{8})*\Z", record):
        return set()
    return {record[start:start + DIGITS] for start in range(0, len(record), DIGITS)}
