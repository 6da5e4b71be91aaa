"""Capture times: uuid1, modification time, name."""
import time
import uuid

import numpy as np
import pytest

from jetbot_mlp.capture_time import capture_times, natural_key, tells_capture_time, uuid1_time_s


def test_a_uuid1_made_now_tells_the_time_now():
    before = time.time()
    found = uuid1_time_s("xy_100_120_%s.jpg" % uuid.uuid1())
    assert before - 1.0 < found < time.time() + 1.0


def test_the_uuid_epoch_is_that_of_rfc_4122():
    # 13814000-1dd2-11b2-... is 1970-01-01T00:00:00Z written as a uuid1
    assert uuid1_time_s("13814000-1dd2-11b2-8000-000000000000.jpg") == 0.0


def test_one_second_later_is_ten_million_steps_later():
    first = uuid1_time_s("00b30b24-f6c4-11ec-b914-16f63a1aa8c9")
    second = uuid1_time_s("%08x-f6c4-11ec-b914-16f63a1aa8c9" % (0x00b30b24 + 10 ** 7))
    assert second - first == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", [
    "frame.jpg", "", "00b30b24f6c411ecb91416f63a1aa8c9",
    str(uuid.uuid4()), str(uuid.uuid5(uuid.NAMESPACE_DNS, "a")),
    "00000000-0000-1000-8000-000000000000",  # 1582
    "ffffffff-ffff-1fff-8000-000000000000",  # 5236
    "00b30b24-f6c4-11ec-0914-16f63a1aa8c9",  # not the variant of RFC 4122
])
def test_what_is_no_plausible_uuid1_tells_no_time(name):
    assert uuid1_time_s(name) is None


def test_natural_order_counts_like_people():
    names = ["b10", "b9", "b2a", "b", "a/1", "a/01", "a", "b%s" % ("9" * 5000)]
    assert sorted(names, key=natural_key)[:3] == ["a", "a/01", "a/1"]
    assert sorted(names, key=natural_key)[3:] == ["b", "b2a", "b9", "b10", "b%s" % ("9" * 5000)]


def test_times_written_by_a_copy_are_not_capture_times():
    assert not tells_capture_time([])
    assert not tells_capture_time([5.0] * 100)
    assert not tells_capture_time([5.0 + 0.02 * i for i in range(400)])
    assert not tells_capture_time([100.0 + 0.02 * i for i in range(4000)])  # a slow clone: 80 s in all
    assert not tells_capture_time([1.0, 100.0, None])
    assert tells_capture_time([100.0 + 2.0 * i for i in range(400)])


@pytest.mark.parametrize("rate_hz", [10, 30])
def test_times_of_a_camera_that_stored_every_frame_are_capture_times(rate_hz):
    assert tells_capture_time([100.0 + i / rate_hz for i in range(600)])
    assert tells_capture_time([float(100 + i // rate_hz) for i in range(600)])  # in whole seconds


def test_the_best_clock_of_the_source_is_taken():
    uuids = ["%08x-f6c4-11ec-b914-16f63a1aa8c9.jpg" % (i * 10 ** 7) for i in (3, 1, 2)]
    times_s, clock, note = capture_times(uuids, [0.0, 100.0, 200.0])
    assert clock == "uuid1" and note == "" and np.argsort(times_s).tolist() == [1, 2, 0]
    times_s, clock, _ = capture_times(["a", "b", "c"], [200.0, 0.0, 100.0])
    assert clock == "modification time" and times_s.tolist() == [200.0, 0.0, 100.0]
    times_s, clock, note = capture_times(["a10", "a9", "a1"], [7.0, 7.0, 8.0])
    assert clock == "name" and times_s.tolist() == [2.0, 1.0, 0.0] and note


def test_the_times_of_a_slow_copy_do_not_outweigh_the_files_numbers():
    names = ["%s/frame_%d.jpg" % (folder, i) for folder in ("blocked", "free") for i in range(50)]
    copied = np.random.RandomState(0).permutation(100) * 0.5
    times_s, clock, note = capture_times(names, copied.tolist())
    assert clock == "name" and np.diff(times_s).tolist() == [1.0] * 99 and "contradict" in note
    taken = np.arange(100) * 2.0
    taken[[7, 60]] += 1000.0  # saved again
    assert capture_times(names, taken.tolist())[1] == "modification time"
    assert capture_times(names[50:] + names[:50], taken.tolist())[1] == "modification time"  # free was taken first
    for other in ("%032x.jpg", "xy_%03d_50_a.jpg"):  # numbers, but no count
        others = [other % (i * 7 % 100 * 0x123456789abcdef) for i in range(100)]
        assert capture_times(others, copied.tolist())[1] == "modification time"


def test_a_few_frames_without_uuid1_do_not_cost_the_others_their_time():
    names = ["%08x-f6c4-11ec-b914-16f63a1aa8c9.jpg" % (i * 10 ** 7) for i in range(20)]
    times_s, clock, note = capture_times(names + ["extra.jpg"], [None] * 21)
    assert clock == "uuid1" and times_s[-1] == times_s.min() and "1 of 21" in note
    times_s, clock, note = capture_times(["extra%d.jpg" % i for i in range(20)] + names, [None] * 40)
    assert clock == "uuid1" and (times_s[:20] == times_s[20]).all() and "20 of 40" in note
    assert np.diff(times_s[20:]).round(6).tolist() == [1.0] * 19


def test_a_few_uuid1s_among_other_names_are_ordered_by_time_and_the_note_says_so():
    uuids = ["ff000000-f6c4-11ec-b914-16f63a1aa8c9.jpg", "00000000-f6c5-11ec-b914-16f63a1aa8c9.jpg"]
    times_s, clock, note = capture_times(uuids + ["b10.jpg", "b9.jpg", "b1.jpg"], [None] * 5)
    assert clock == "name" and times_s.tolist() == [3.0, 4.0, 2.0, 1.0, 0.0]  # not by the uuid1s' names
    assert "2 of 5 names hold a uuid1" in note and "later" in note


def test_no_frames_have_no_times():
    times_s, clock, _ = capture_times([], [])
    assert times_s.shape == (0,) and times_s.dtype == np.float64 and clock == "name"
