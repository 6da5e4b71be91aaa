"""Pictures inside the report: frames, first-layer weights and videos as data of the page itself."""
import base64
import os
from urllib.parse import quote

import cv2
import numpy as np

from .errors import JetbotMLPError
from .metrics import PX_PER_UNIT
from .report_html import figure, text

MAX_EMBEDDED_VIDEO_BYTES = 8 * 1024 * 1024
_NEGATIVE, _ZERO, _POSITIVE = (np.array(bgr, dtype=np.float64)  # BGR; blue, near white, red
                               for bgr in ((192, 76, 59), (242, 242, 242), (38, 4, 180)))


def image_tag(image, alt, ending=".jpg", css_class=""):
    """<img> of a picture uint8 (h, w, 3) BGR or (h, w) grey; .jpg for frames, .png for exact pixels."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, 85] if ending == ".jpg" else []
    data = cv2.imencode(ending, np.ascontiguousarray(image), settings)[1].tobytes()
    return '<img class="{}" alt="{}" src="data:image/{};base64,{}">'.format(
        css_class, text(alt), "jpeg" if ending == ".jpg" else "png", base64.b64encode(data).decode())


def road_overlay(expected, predicted):
    """<svg> to lie over a frame: the label a green ring, the prediction a red cross, each (2,) in [-1, 1].

    predicted None: the ring alone.
    Shapes differ for those who do not tell the colours apart; a dark rim makes them show on any ground.
    """
    alone = predicted is None
    (ex, ey), (px, py) = (PX_PER_UNIT * (1.0 + np.clip(point, -1.0, 1.0))
                          for point in (expected, expected if alone else predicted))
    line = '<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" class="link"/>'.format(ex, ey, px, py)
    ring = '<circle cx="{:.1f}" cy="{:.1f}" r="10" class="{{}}"/>'.format(ex, ey)
    cross = '<path d="M{:.1f} {:.1f}l18 18m0 -18l-18 18" class="{{}}"/>'.format(px - 9, py - 9)
    marks = ring.format("rim") + ring.format("label") if alone else (
        line + ring.format("rim") + cross.format("rim") + ring.format("label") + cross.format("answer"))
    return '<svg class="over" viewBox="0 0 224 224" aria-hidden="true">' + marks + "</svg>"


def frame_html(image, name, over=""):
    """A frame uint8 (h, w, 3) BGR with what lies over it."""
    return '<div class="frame">{}{}</div>'.format(image_tag(image, name), over)


def weight_picture(weights):
    """One picture of weights -> (uint8 (h, w, 3) BGR, the largest absolute weight or None).

    float (h, w): blue below 0, near white at 0, red above. float (h, w, 3) BGR: grey at 0, so each
    colour stands for itself. uint8: as it is. The scale is the picture's own largest absolute weight.
    """
    weights = np.asarray(weights)
    if weights.dtype == np.uint8:
        return weights, None
    weights = np.nan_to_num(weights.astype(np.float64))
    top = float(np.abs(weights).max()) if weights.size else 0.0
    share = weights / (top or 1.0)
    if weights.ndim == 3:
        return np.round(127.5 + 127.5 * share).astype(np.uint8), top
    far = np.where(share[..., None] < 0, _NEGATIVE, _POSITIVE)
    return np.round(_ZERO + np.abs(share[..., None]) * (far - _ZERO)).astype(np.uint8), top


def video_tag(video, caption, report_path):
    """<figure> of a video file: inside the page when it is small, else as a link relative to the page.

    Only .webm gets a player, since browsers do not play what OpenCV writes as .mp4 or .avi.
    JetbotMLPError when there is no such file.
    """
    video = os.fspath(video)
    if not os.path.isfile(video):
        raise JetbotMLPError("expected a video for the report, found no '{}': check the path".format(video))
    name = os.path.basename(video)
    try:
        link = os.path.relpath(video, os.path.dirname(os.path.abspath(report_path)))
    except ValueError:  # Windows: another drive has no relative path
        link = name
    link = quote(link.replace(os.sep, "/"))
    player = ""
    if name.lower().endswith(".webm"):
        source = "./" + link
        if os.path.getsize(video) <= MAX_EMBEDDED_VIDEO_BYTES:
            with open(video, "rb") as stream:
                source = "data:video/webm;base64," + base64.b64encode(stream.read()).decode()
        player = '<video controls muted loop playsinline preload="metadata" aria-label="{}" src="{}"></video>'.format(
            text(caption), source)
    words = '{} (<a href="./{}">{}</a>, {:.1f} MB)'.format(text(caption), link, text(name),
                                                           os.path.getsize(video) / 1e6)
    return figure(player, words, "video")
