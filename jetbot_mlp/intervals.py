"""How sure is a score? 95 % intervals, and how many frames would make them narrow enough.

Every interval treats the frames as independent; neighbouring frames of one drive are near-twins, so the
truth is wider.
"""
import numpy as np

Z_95 = 1.959963984540054  #: the normal distribution's two-sided 95 % quantile
MOST_FRAMES = 10 ** 6  #: `frames_for_share` looks no further


def wilson_interval(successes, trials):
    """95 % interval of a share -> [low, high], or None for no trials.

    Unlike p +- 1.96 s it stays within 0..1 and does not shrink to a point at 0 of n or n of n.
    Source: Wilson, "Probable inference, the law of succession", JASA 22 (1927).
    """
    if trials == 0:
        return None
    share, z2 = successes / float(trials), Z_95 ** 2 / trials
    centre = (share + z2 / 2.0) / (1.0 + z2)
    half = Z_95 * np.sqrt(share * (1.0 - share) / trials + z2 / (4.0 * trials)) / (1.0 + z2)
    return [max(0.0, float(centre - half)) if successes > 0 else 0.0,  # exactly, whatever is rounded
            min(1.0, float(centre + half)) if successes < trials else 1.0]


def mean_of_shares_interval(hits, totals):
    """95 % interval of the mean of independent shares, from their Wilson intervals -> [low, high].

    hits, totals: (k,), totals above 0. Square and add the distances to each end: Zou & Donner,
    "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008), equation for
    a sum, divided by the count.
    """
    shares = hits / totals
    ends = np.array([wilson_interval(h, t) for h, t in zip(hits, totals)])
    low = shares.mean() - np.sqrt(np.sum((shares - ends[:, 0]) ** 2)) / len(shares)
    high = shares.mean() + np.sqrt(np.sum((ends[:, 1] - shares) ** 2)) / len(shares)
    return [max(0.0, float(low)), min(1.0, float(high))]


def mean_interval(values):
    """95 % interval of the mean of values (n,), none below 0: mean +- 1.96 standard errors -> [low, high].

    Cut at 0; None below two values, which tell nothing about how they scatter.
    """
    if len(values) < 2:
        return None
    mean, half = np.mean(values), Z_95 * np.std(values, ddof=1) / np.sqrt(len(values))
    return [max(0.0, float(mean - half)), float(mean + half)]


def half_width(interval):
    """Half of the distance between the ends of [low, high]."""
    return 0.5 * (interval[1] - interval[0])


def frames_for_share(hits, totals, wanted):
    """How many frames give `mean_of_shares_interval` the half-width ``wanted``, were the shares to stay the same.

    hits, totals: (k,), totals above 0; wanted: 0 to 1. Returns an int, at most MOST_FRAMES.
    """
    hits, totals = np.asarray(hits, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    low, high = 1.0, float(MOST_FRAMES)  # the width falls with every frame, so halve what lies between
    while high > 1.001 * low:
        n = np.sqrt(low * high)
        factor = n / totals.sum()
        if half_width(mean_of_shares_interval(factor * hits, factor * totals)) > wanted:
            low = n
        else:
            high = n
    return int(np.ceil(high))


def frames_for_mean(n, half, wanted):
    """How many frames give a mean's interval the half-width ``wanted``: it shrinks with 1 / sqrt(n).

    n: how many frames gave the half-width ``half``, in the unit of ``wanted``. Returns an int, at most
    MOST_FRAMES.
    """
    return int(min(MOST_FRAMES, np.ceil(n * (half / wanted) ** 2)))
