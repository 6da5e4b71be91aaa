"""Bytes of a JPEG or PNG file -> picture, with the checks that ``cv2.imdecode`` leaves out.

OpenCV turns a JPEG that breaks off into a picture whose rest is grey, and believes any size that
a header claims. Pictures from a robot whose battery ran flat, or from a stranger's zip, are therefore
looked at before they are decoded. Formats: ITU-T T.81 (JPEG) annex B; PNG specification, section 5.
"""
import struct
import zlib

import cv2
import numpy as np

from .errors import DatasetError

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 50 * 1000 * 1000
SUFFIXES = (".jpg", ".jpeg", ".png")
#: of pictures that are looked at too, so that nobody misses them without a word; some are JPEG inside
OTHER_SUFFIXES = (".jpe", ".jfif", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
                  ".heic", ".heif", ".avif")

_JPEG_START = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_OTHERS = (("BMP", b"BM", 0), ("GIF", b"GIF8", 0), ("WebP", b"WEBP", 8), ("TIFF", b"II*\0", 0), ("TIFF", b"MM\0*", 0),
           ("HEIC or AVIF", b"ftyp", 4)) + tuple(("PPM", b"P%d\n" % kind, 0) for kind in range(1, 7))


def decode_picture(data):
    """Decode the bytes of a whole JPEG or PNG file.

    Returns uint8 (H, W, 3) BGR; grey becomes BGR, transparency is dropped, and a rotation that the
    file asks for is ignored (as in the official training code, whose targets are in file coordinates).
    Raises DatasetError with a short reason: empty, truncated, damaged, too large, neither JPEG nor PNG.
    """
    if not data:
        raise DatasetError("empty file")
    if len(data) > MAX_FILE_BYTES:
        raise DatasetError("larger than %d MB" % (MAX_FILE_BYTES // 2 ** 20))
    if not data.strip(b"\0"):
        raise DatasetError("nothing but zero bytes (power was lost while it was written?)")
    if data.startswith(_JPEG_START):
        width, height = _check_jpeg(data)
    elif data.startswith(_PNG_START):
        width, height = _check_png(data)
    else:
        other = next((" but %s (convert it)" % name for name, start, at in _OTHERS if data.startswith(start, at)), "")
        raise DatasetError("neither JPEG nor PNG inside" + other)
    if width * height == 0 or width * height > MAX_PIXELS:
        raise DatasetError("claims a size that is not read (%d x %d pixels, at most %d million)"
                           % (width, height, MAX_PIXELS // 10 ** 6))
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8),
                             cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        image = None
    if image is None:
        raise DatasetError("damaged, cannot be decoded")
    return image


def _check_jpeg(data):
    """(width, height) of a JPEG; DatasetError unless its end marker is there. Bytes after it do no harm."""
    size = None
    position = 2
    while True:
        position = data.find(b"\xff", position)
        while position >= 0 and data[position:position + 2] == b"\xff\xff":  # fill bytes
            position += 1
        segment = data[position:position + 9] if position >= 0 else b""
        if len(segment) < 4:
            raise DatasetError("truncated JPEG")
        marker = segment[1]
        if marker == 0xD9:
            raise DatasetError("JPEG without a picture")
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # these have no length
            position += 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(segment) == 9:
            height, width = struct.unpack(">HH", segment[5:9])
            size = (width, height)
        position += 2 + struct.unpack(">H", segment[2:4])[0]
        if marker == 0xDA:  # start of scan: from here on 0xFF is a marker or followed by 0x00
            break
    if data.rfind(_JPEG_END, position) < 0:  # from the end, where it should be
        raise DatasetError("truncated JPEG")
    if size is None:
        raise DatasetError("JPEG without a size")
    return size


def _check_png(data):
    """(width, height) of a PNG; DatasetError unless every chunk is whole up to the end chunk."""
    size = None
    position = len(_PNG_START)
    while True:
        header = data[position:position + 8]
        if len(header) < 8:
            raise DatasetError("truncated PNG")
        length, kind = struct.unpack(">I4s", header)
        body_end = position + 8 + length
        checksum = data[body_end:body_end + 4]
        if len(checksum) < 4:
            raise DatasetError("truncated PNG")
        if zlib.crc32(data[position + 4:body_end]) & 0xFFFFFFFF != struct.unpack(">I", checksum)[0]:
            raise DatasetError("damaged PNG (checksum)")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise DatasetError("PNG without a size")
            size = struct.unpack(">II", data[position + 8:position + 16])
        if kind == b"IEND":
            return size
        position = body_end + 4
