"""Target points in file names, ``xy_<x>_<y>_<uuid>.jpg``: which numbers are these?

The official notebooks write pixels of the frame, x' = (x - width/2) / (width/2); older ones and
Waveshare's write 0..100, x' = (x - 50) / 50. The names do not say which, and a wrong guess trains
a robot on wrong targets, so a folder that allows both readings, or holds names of both kinds, is
refused until the user says.
"""
import re

import numpy as np

from .errors import DatasetError

_NAME = re.compile(r"xy_([0-9]{1,6})_([0-9]{1,6})(?:[_.-].*)?\.[a-z]+$", re.IGNORECASE | re.DOTALL)
# Fewer frames may all happen to point up and left.
_ENOUGH_FRAMES = 10
# 0..100 read as pixels leaves a frame narrower than this no clear part without targets.
_ENOUGH_WIDTH_PX = 200
_WIDE_SPREAD = 40
# Of the frames of a pixel folder at least this share has a number above 100. A road fills the lower half:
# 67 % in a real folder whose targets lie high in the picture, nearly all in others. Fewer: perhaps a mixture.
_SHARE_ABOVE_100 = 0.35
# Targets to the left lie about as high in the picture as targets to the right, which are surely pixels.
# In a pixel folder at most this share of frames is up to 100 in both numbers and higher than nine tenths of
# those (4 % in the real one); 0..100 names among pixel names are.
_SHARE_TOO_HIGH = 0.2
_ENOUGH_SURE = 20  # to compare heights with: fewer may differ by chance


def is_road_name(file_name):
    """True for names that begin like a road frame's, be their numbers right or wrong."""
    return file_name.lower().startswith("xy_")


def parse_road_name(file_name):
    """(x, y), the two whole numbers of the name as they are; DatasetError with a short reason."""
    match = _NAME.match(file_name)
    if not match:
        raise DatasetError("named otherwise than xy_<x>_<y>_<uuid> with whole numbers from 0 (pixels or percent of the "
                           "frame: rename it)")
    return int(match.group(1)), int(match.group(2))


def decide_xy(points, widths_px, folder):
    """Decide how the names of one folder are to be read: returns 'pixel' or 'percent'.

    points: list of (x, y) from the names; widths_px: list of the frames' widths; folder: for the message.

    The rule:
    - numbers above 100 in at least 35 % of the frames: pixels, unless more than 20 % of the frames, all
      up to 100, have targets higher in the picture than nine tenths of those with x above 100, if these
      are 20 or more;
    - no number above 100, ten frames or more at least 200 px wide, x spread over 40 or more: 0..100,
      for as pixels all targets would lie in the upper left quarter of the picture, none near its middle;
    - anything else is undecidable, or both kinds in one folder: DatasetError that asks.
    """
    above = sum(1 for x, y in points if x > 100 or y > 100)
    xs = [x for x, _ in points]
    ys = [y for _, y in points]
    if above and above >= _SHARE_ABOVE_100 * len(points) and not _looks_mixed(points):
        return "pixel"
    if (not above and len(points) >= _ENOUGH_FRAMES and min(widths_px) >= _ENOUGH_WIDTH_PX
            and max(xs) - min(xs) >= _WIDE_SPREAD):
        return "percent"
    why = "%d of them above 100" % above if above else "none above 100"
    raise DatasetError(
        "expected file names that show whether they count pixels or 0..100, found %d frames in %s with "
        "x %d..%d and y %d..%d, %s, which may be either or a mixture; say --xy pixel or --xy percent, or "
        "split the folder if it holds both"
        % (len(points), folder, min(xs), max(xs), min(ys), max(ys), why))


def _looks_mixed(points):
    """True if too many points up to 100 lie higher in the picture than those that are surely pixels."""
    sure = [y for x, y in points if x > 100]
    if len(sure) < _ENOUGH_SURE:
        return False
    highest = np.percentile(sure, 10)  # y counts downwards
    too_high = sum(1 for x, y in points if x <= 100 and y <= 100 and y < highest)
    return too_high > _SHARE_TOO_HIGH * len(points)


def target_of(point, xy, width_px, height_px):
    """(x, y) in [-1, 1] of a point from a name, read as ``xy`` ('pixel' or 'percent').

    Raises DatasetError with a short reason if it lies outside of the picture.
    """
    width, height = (width_px, height_px) if xy == "pixel" else (100, 100)
    x, y = point
    if x > width or y > height:
        raise DatasetError("with a target outside of the picture (x %d, y %d of %d x %d %s)"
                           % (x, y, width, height, "pixels" if xy == "pixel" else "percent"))
    return (x - width / 2.0) / (width / 2.0), (y - height / 2.0) / (height / 2.0)
