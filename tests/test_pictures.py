"""Bytes to picture: whole, bounded, or an error that names the reason."""
import struct
import zlib

import cv2
import numpy as np
import pytest

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.pictures import decode_picture


def scene(height=60, width=80, seed=0):
    small = np.random.RandomState(seed).randint(0, 256, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def encoded(image, suffix=".jpg", *options):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def png_chunk(kind, body):
    checksum = zlib.crc32(kind + body) & 0xFFFFFFFF
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png_claiming(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
            + png_chunk(b"IEND", b""))


def jpeg_claiming(width, height):
    data = encoded(scene())
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4:]


def test_a_png_comes_back_exactly():
    np.testing.assert_array_equal(decode_picture(encoded(scene(), ".png")), scene())


@pytest.mark.parametrize("options", [
    (), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    (cv2.IMWRITE_JPEG_OPTIMIZE, 1)])
def test_every_kind_of_jpeg_comes_back_nearly(options):
    image = decode_picture(encoded(scene(), ".jpg", *options))
    assert image.dtype == np.uint8 and np.abs(image.astype(int) - scene()).mean() < 4


def test_grey_and_transparent_pictures_become_bgr():
    grey = scene()[:, :, 0].copy()
    np.testing.assert_array_equal(decode_picture(encoded(grey, ".png")), cv2.merge([grey] * 3))
    assert decode_picture(encoded(grey, ".jpg")).shape == (60, 80, 3)
    transparent = np.dstack([scene(), np.full((60, 80), 40, np.uint8)])
    np.testing.assert_array_equal(decode_picture(encoded(transparent, ".png")), scene())


def test_bytes_after_the_end_marker_do_no_harm():
    data = encoded(scene())
    np.testing.assert_array_equal(decode_picture(data + b"\0\0camera notes\xff"), decode_picture(data))


def test_an_end_marker_inside_of_a_thumbnail_is_not_the_end():
    data = encoded(scene())
    thumbnail = b"\xff\xe1" + struct.pack(">H", 12) + b"Exif\0\0\xff\xd8\xff\xd9"
    whole = data[:2] + thumbnail + data[2:]
    assert decode_picture(whole).shape == (60, 80, 3)
    with pytest.raises(DatasetError, match="truncated"):
        decode_picture(whole[:-200])


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_cut_anywhere_is_refused_and_says_nothing_on_the_terminal(suffix, capfd):
    data = encoded(scene(), suffix)
    for length in list(range(60)) + list(range(60, len(data), 97)) + [len(data) - 1]:
        with pytest.raises(DatasetError):
            decode_picture(data[:length])
    assert capfd.readouterr() == ("", "")


def test_a_file_whose_tail_was_never_written_is_refused():
    data = encoded(scene())
    with pytest.raises(DatasetError, match="truncated"):
        decode_picture(data[:400] + b"\0" * (len(data) - 400))
    with pytest.raises(DatasetError, match="zero bytes"):
        decode_picture(b"\0" * 5000)


def test_a_flipped_bit_in_a_png_is_found():
    data = bytearray(encoded(scene(), ".png"))
    data[len(data) // 2] ^= 4
    with pytest.raises(DatasetError, match="checksum"):
        decode_picture(bytes(data))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"RIFF....WEBPVP8 ", b"<html>not found</html>",
                                  b"BM" + b"\0\1" * 50,
                                  b"\xff\xd8\xff", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff" + b"\xff" * 5000,
                                  b"\xff\xd8\xff\xc0\0\0\0\0\0\0\xff\xda\0\0\xff\xd9",
                                  b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR"])
def test_foreign_bytes_are_refused(data):
    with pytest.raises(DatasetError):
        decode_picture(data)


@pytest.mark.parametrize("start,name", [(b"BM\x36\0", "BMP"), (b"GIF89a", "GIF"), (b"RIFF....WEBPVP8 ", "WebP"),
                                        (b"II*\0\x08", "TIFF"), (b"MM\0*\0", "TIFF"), (b"P6\n2 2\n255\n", "PPM"),
                                        (b"\0\0\0\x18ftypheic", "HEIC or AVIF")])
def test_a_picture_of_another_format_is_named_and_what_to_do(start, name):
    with pytest.raises(DatasetError) as error:
        decode_picture(start + b"rest")
    assert str(error.value) == "neither JPEG nor PNG inside but %s (convert it)" % name


@pytest.mark.parametrize("data", [png_claiming(60000, 60000), png_claiming(0, 10),
                                  png_claiming(2 ** 31 - 1, 1),
                                  jpeg_claiming(65500, 65500), jpeg_claiming(10, 0)])
def test_a_claimed_size_out_of_bounds_is_refused_before_decoding(data, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(DatasetError, match="pixels"):
        decode_picture(data)


def test_a_file_of_more_than_32_mb_is_refused():
    with pytest.raises(DatasetError, match="32 MB"):
        decode_picture(encoded(scene()) + b"\0" * 2 ** 25)


def test_random_damage_gives_a_picture_or_the_packages_own_error():
    random_state = np.random.RandomState(1)
    for suffix in (".jpg", ".png"):
        data = encoded(scene(), suffix)
        for _ in range(150):
            damaged = bytearray(data)
            for at in random_state.randint(0, 300, 3):
                damaged[at] = random_state.randint(256)
            try:
                assert decode_picture(bytes(damaged)).dtype == np.uint8
            except DatasetError:
                pass
