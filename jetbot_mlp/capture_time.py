"""When was each frame taken? From the uuid1 in its name, else the modification time, else the name.

The robot names its pictures by ``uuid.uuid1()``, which holds the time in 100 ns steps since
1582-10-15 (RFC 4122, section 4.1.4). The order of the *names* says nothing: a uuid1 begins with
the low bits of its time.
"""
import re

import numpy as np

_DIGITS = re.compile(r"([0-9]+)")
_NUMBERED = re.compile(r"[^0-9]*([0-9]+)[^0-9]*")  # frame_0017.jpg
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_RFC_4122 = "89abAB"  # the variant: how the first digit of the fourth group begins
_UUID_EPOCH_100NS = 0x01B21DD213814000  # 1582-10-15 to 1970-01-01
_YEAR_2100_S = 4102444800.0
# Frames without a uuid1 (pictures added by hand) must not cost the others their time. With this share of
# uuid1s or more they can all be put before the others, so that the last frames, held out, have a time.
_SHARE_OF_UUIDS = 0.5
# Copying, unzipping and cloning write thousands of files in seconds; a person with a camera does not.
_SHORTEST_COLLECTION_S = 10.0
_FASTEST_FRAME_PERIOD_S = 0.03  # a camera's 30 frames a second
# Of neighbours in the numbers' order this share may be in reverse by time: frames that were saved again later. A copy
# that took its time (over a network, file by file) has about half of them in reverse, if not in the numbers' order.
_SHARE_IN_REVERSE = 0.1


def uuid1_time_s(file_name):
    """Capture time in s since 1970 from the uuid1 in ``file_name``, or None if there is none.

    uuid4 and other versions hold no time. Years before 1970 and from 2100 on are no capture times.
    """
    for text in reversed(_UUID.findall(file_name)):
        if text[14] == "1" and text[19] in _RFC_4122:  # of version 1; uuid.UUID takes longer to tell the same
            time_100ns = int(text[15:18] + text[9:13] + text[:8], 16)
            time_s = (time_100ns - _UUID_EPOCH_100NS) / 1e7
            if 0.0 <= time_s < _YEAR_2100_S:
                return time_s
    return None


def natural_key(name):
    """Sorting key by which 'frame10.jpg' comes after 'frame9.jpg'."""
    parts = _DIGITS.split(name.lower())
    for i in range(1, len(parts), 2):
        # Length of the digits, then the digits: compares like the numbers, however long they are.
        digits = parts[i].lstrip("0")
        parts[i] = len(digits), digits
    return parts, name


def tells_capture_time(modification_times_s):
    """True if these times (floats or None) can be capture times, False if a copy made them all at once."""
    if not modification_times_s or any(t is None for t in modification_times_s):
        return False
    span_s = max(modification_times_s) - min(modification_times_s)
    return span_s >= max(_SHORTEST_COLLECTION_S, _FASTEST_FRAME_PERIOD_S * len(modification_times_s))


def numbers_contradict(names, modification_times_s):
    """True if nearly all names are numbered, frame_0017.jpg, and these times are in quite another order."""
    numbered = {}
    for name, time_s in zip(names, modification_times_s):
        folder, _, file_name = name.rpartition("/")
        match = _NUMBERED.fullmatch(file_name)
        if match is not None:
            numbered.setdefault((folder, file_name[:match.start(1)]), []).append((int(match.group(1)[-18:]), time_s))
    if sum(map(len, numbered.values())) < 0.9 * len(names):
        return False
    later = [b[1] - a[1] for group in map(sorted, numbered.values()) for a, b in zip(group, group[1:]) if a[0] < b[0]]
    in_reverse = sum(difference < 0 for difference in later)
    return min(in_reverse, len(later) - in_reverse) > _SHARE_IN_REVERSE * len(later)  # all in reverse: an order too


def capture_times(names, modification_times_s):
    """Times of the frames of one source, all by the same clock.

    names: list of str; modification_times_s: list of float or None, as long.
    Returns (times_s float64 (n,), time_source, note): time_source is 'uuid1' or 'modification time'
    (s since 1970), or 'name' (0, 1, 2...: an order, no clock; natural order of the names without uuid1,
    then those with one by its time, as the order of their names says nothing);
    note is '' or says what had to be assumed.
    """
    from_uuid = [uuid1_time_s(name) for name in names]
    known = [t for t in from_uuid if t is not None]
    if known and len(known) >= _SHARE_OF_UUIDS * len(names):
        missing = len(names) - len(known)
        note = ""
        if missing:
            note = "%d of %d names hold no uuid1; these frames count as the earliest" % (missing, len(names))
        earliest = min(known)
        return np.array([earliest if t is None else t for t in from_uuid], dtype=np.float64), "uuid1", note
    tell = tells_capture_time(modification_times_s)
    contradicted = tell and numbers_contradict(names, modification_times_s)
    if tell and not contradicted:
        return np.array(modification_times_s, dtype=np.float64), "modification time", ""
    order = sorted(range(len(names)), key=lambda i: (
        (0, natural_key(names[i])) if from_uuid[i] is None else (1, from_uuid[i], natural_key(names[i]))))
    times_s = np.empty(len(names), dtype=np.float64)
    times_s[order] = np.arange(len(names))
    note = "neither names nor modification times tell when a frame was taken"
    if contradicted:
        note = "the files' numbers and their modification times, perhaps a copy's, contradict each other"
    elif known:
        note = ("only %d of %d names hold a uuid1, and modification times tell nothing; frames with a uuid1 "
                "count as later than the others" % (len(known), len(names)))
    return times_s, "name", note
