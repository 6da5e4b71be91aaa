"""Real cameras: the robot's own, behind the official class, and any webcam.

Both have the same face: value (uint8 (height, width, 3) BGR), observe, unobserve, start, stop, running.
Their threads are daemons, so a program can end; an observer that raises does not end them.
"""
import logging
import os
import threading
import time

import cv2
import numpy as np
import traitlets

from .errors import HardwareError, JetbotMLPError

OPEN_S = 30.0  # s, until the official camera class is there
WAIT_S = 3.0  # s, from then to the first picture
STOP_S = 2.0  # s; ZmqCamera.stop() can block for ever


class OfficialCamera(traitlets.HasTraits):
    """jetbot.Camera (OpenCvGstCamera or ZmqCamera) with an end.

    factory: the class (called, or its instance() if it has one). Its capture thread is no daemon and would
    keep a finished script alive with the wheels turning; a thread inherits that from the thread which
    starts it, so the camera is opened in a daemon.
    """

    opened = None  # the one open camera of this process: argus refuses a second one
    value = traitlets.Any()

    def __init__(self, factory):
        super().__init__()
        opening = getattr(factory, "instance", factory)
        self.camera = _in_daemon(opening, OPEN_S)
        self._latest = self.value = getattr(self.camera, "value", None)
        self._open()

    @property
    def running(self):
        """True while the capture thread lives (it ends without a word when the camera is unplugged)."""
        thread = self._capture_thread()
        return thread is not None and thread.is_alive()

    @property
    def width(self):
        """px; ZmqCamera has no width of its own."""
        return self.value.shape[1]

    @property
    def height(self):
        """px."""
        return self.value.shape[0]

    def start(self):
        """Start again after `stop`; nothing while running."""
        if self.running:
            return
        # The official start() asks thread.isAlive(), gone since Python 3.9, unless there is no thread.
        for name in ("thread", "_thread"):
            if name in vars(self.camera):
                delattr(self.camera, name)
        if hasattr(self.camera, "_running"):
            self.camera._running = False
        self._latest = None
        _in_daemon(self.camera.start, OPEN_S)
        self._open()

    def stop(self):
        """Stop capturing. Returns within STOP_S, also inside an observer."""
        try:
            self.camera.unobserve(self._pass_on, names="value")
        except ValueError:
            pass  # stopped before
        if OfficialCamera.opened is self:
            OfficialCamera.opened = None
        inside = threading.current_thread() is self._capture_thread()  # the official stop() would join itself
        try:
            _in_daemon(self.camera.stop, 0.0 if inside else STOP_S)
        except HardwareError:
            if not inside:
                logging.getLogger(__name__).warning("camera: stop() did not come back; its thread is left")

    def _capture_thread(self):
        return getattr(self.camera, "thread", None) or getattr(self.camera, "_thread", None)

    def _open(self):
        self.camera.observe(self._pass_on, names="value")
        OfficialCamera.opened = self
        try:
            _wait_for_picture(lambda: self._latest)
        except HardwareError:
            self.stop()
            raise

    def _pass_on(self, change):
        self._latest = change["new"]
        try:
            self.value = self._latest
        except Exception:  # raised by an observer; it would end the official capture thread without a word
            logging.getLogger(__name__).exception("camera: an observer raised")


class UsbCamera(traitlets.HasTraits):
    """Any camera that OpenCV opens, or a video file at its own pace.

    The picture is scaled to width x height without keeping the aspect, as the official camera does.
    """

    value = traitlets.Any()

    def __init__(self, device=0, width=224, height=224, fps=30):
        super().__init__()
        if isinstance(device, str):
            try:
                device.encode("utf-8"), os.fsencode(device)
            except UnicodeEncodeError:  # OpenCV would crash the process
                raise JetbotMLPError(f"camera: expected a video's path in UTF-8, found {ascii(device)}; "
                                     "rename it, or set LC_ALL=C.UTF-8")
        self.device, self.width, self.height, self.fps = device, width, height, fps
        self._ending = threading.Event()  # a new one for each thread: a late thread must not see the next's
        self._thread = None
        self._latest = None
        self.start()

    @property
    def running(self):
        """True while frames may come."""
        return self._thread is not None and self._thread.is_alive() and not self._ending.is_set()

    def start(self):
        """Start again after `stop`; nothing while running. Not inside an observer after a stop.

        Raises HardwareError when there is no picture, or when the last capture hangs in the device.
        """
        if self.running:
            return
        self.stop()  # wait once more for a read that hung at the last stop
        if self._thread is not None and self._thread.is_alive():
            raise HardwareError("camera: expected the last capture to have ended, found it still reading; pull "
                                "the plug and put it in again, else restart the program")
        capture = cv2.VideoCapture(self.device)
        if not capture.isOpened():
            capture.release()
            raise HardwareError(f"camera: expected a webcam or video at {self.device!r}, found none; plug it "
                                "in, close other programs that use it, or name another number")
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue of frames is a queue of old frames
        self._ending = threading.Event()
        self._latest = None
        arguments = capture, self._ending
        self._thread = threading.Thread(target=self._run, args=arguments, name="usb-camera", daemon=True)
        self._thread.start()
        try:
            _wait_for_picture(lambda: self._latest)
        except HardwareError:
            self.stop()
            raise

    def stop(self):
        """Stop capturing and give the device back. Also inside an observer. Returns within STOP_S."""
        self._ending.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(STOP_S)

    def _run(self, capture, ending):
        pause_s = 1.0 / (capture.get(cv2.CAP_PROP_FPS) or self.fps) if isinstance(self.device, str) else 0.0
        try:
            while not ending.is_set():
                good, image = capture.read()
                if not good or ending.is_set():  # a read may hang for seconds
                    break
                self._latest = cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_AREA)
                try:
                    self.value = self._latest
                except Exception:  # raised by an observer
                    logging.getLogger(__name__).exception("camera: an observer raised")
                time.sleep(pause_s)
        finally:
            capture.release()


def _in_daemon(function, timeout):
    """function() in a daemon thread. Returns what it returns; raises HardwareError for what it raises, or
    when it is not done after timeout s (None: wait)."""
    result = []

    def run():
        try:
            result.append((function(), None))
        except BaseException as error:
            result.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    if not result:
        raise HardwareError(f"camera: expected an answer within {timeout:g} s, found none; restart it")
    value, error = result[0]
    if error is not None:
        raise HardwareError(
            f"camera: expected it to obey, found {type(error).__name__}: {error}; shut down other notebooks "
            "that use it, else run: sudo systemctl restart nvargus-daemon"
        )
    return value


def _wait_for_picture(latest):
    """Wait until latest() is a picture that is not quite black (ZmqCamera begins with black)."""
    deadline = time.monotonic() + WAIT_S
    while not (isinstance(latest(), np.ndarray) and latest().any()):
        if time.monotonic() > deadline:
            raise HardwareError(f"camera: expected a picture within {WAIT_S:g} s, found "
                                f"{'none' if latest() is None else 'only black'}; check cap and cable, and, "
                                "for zmq_camera, that the camera container runs")
        time.sleep(0.01)
