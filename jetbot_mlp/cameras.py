"""Real cameras: the robot's own, behind the official class, and any webcam.

All have the same face: value (uint8 (height, width, 3) BGR), observe, unobserve, start, stop, running, width,
height, description, upside_down. Their threads are daemons, so a program can end.

Two threads each: one takes pictures and does nothing else, the other shows the newest one to the observers. A
slow observer misses pictures; in the official capture thread it would make them queue up, and users would see
a second of lag. One that raises ends nothing; there it would end the pictures without a word.
"""
import atexit
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
SHOW_S = 0.5  # s, that a stop waits for an observer under way
STOP_S = 2.0  # s; ZmqCamera.stop() can block for ever
TROUBLE = ("shut down other notebooks and programs that use it, else run on the host: "
           "sudo systemctl restart nvargus-daemon")


class Camera(traitlets.HasTraits):
    """What every camera here has. upside_down: the picture is turned by 180 degrees; may change any time.

    taken_at: when the picture in value was read from the device, s, time.monotonic(); None before the first. An
    observer that waits for others before it, or for its turn, still knows by it how old the picture is.
    changed_at: the same, of the first of equal pictures: those before may have been overtaken, and not shown.
    """

    value = traitlets.Any()

    def __init__(self, description, upside_down=False):
        super().__init__()
        self.description = description
        self.upside_down = upside_down
        self._latest = None  # shown last since the start
        self.taken_at = self.changed_at = None
        self._newest = self._shower = None  # _newest: (picture, taken_at, changed_at)
        self._read = None, None  # our own copy of the picture read last (observers may draw on theirs), its changed_at
        self._ending, self._arrived = threading.Event(), threading.Event()

    @property
    def width(self):
        """px; ZmqCamera has no width of its own."""
        return self.value.shape[1]

    @property
    def height(self):
        """px."""
        return self.value.shape[0]

    def _begin_to_show(self):
        self._latest, self._read = None, (None, None)
        # new ones for each start: a late thread must not see the next one's
        self._ending, self._arrived = arguments = threading.Event(), threading.Event()
        self._shower = threading.Thread(target=self._show_newest, args=arguments, name="camera-observers", daemon=True)
        self._shower.start()

    def _end_to_show(self):
        self._ending.set()
        self._arrived.set()
        if self._shower is not None and self._shower is not threading.current_thread():
            self._shower.join(SHOW_S)  # after a stop nothing is shown any more

    def _take(self, image, taken_at):
        before, changed_at = self._read
        if not (isinstance(before, np.ndarray) and np.array_equal(before, image)):
            changed_at = taken_at
            self._read = image.copy() if isinstance(image, np.ndarray) else None, changed_at
        self._newest = image, taken_at, changed_at
        self._arrived.set()

    def _show_newest(self, ending, arrived):
        while True:
            arrived.wait()
            arrived.clear()
            if ending.is_set():
                return
            self._show(*self._newest)

    def _show(self, image, taken_at, changed_at):
        if isinstance(image, np.ndarray) and image.ndim > 1:
            if self.upside_down:
                image = np.ascontiguousarray(image[::-1, ::-1])
            elif not image.flags.writeable:  # ZmqCamera's lies in its message; others may be drawn on
                image = image.copy()
        self._latest = image
        self.taken_at, self.changed_at = taken_at, changed_at  # first: `value =` calls the observers
        try:
            self.value = image
        except BaseException:  # raised by an observer, SystemExit too
            logging.getLogger(__name__).exception("camera: an observer raised")


class OfficialCamera(Camera):
    """jetbot.Camera (OpenCvGstCamera or ZmqCamera) with an end.

    factory: the class (called, or its instance() if it has one). Its capture thread is no daemon and would
    keep a finished script alive with the wheels turning; a thread inherits that from the thread which
    starts it, so the camera is opened in a daemon.
    """

    opened = None  # the one open camera of this process: argus refuses a second one

    def __init__(self, factory, description="the robot's own camera", upside_down=False):
        super().__init__(description, upside_down)
        self.factory = factory
        self.camera, self._stopped = None, True
        self.start()

    @property
    def running(self):
        """True while the capture thread lives (it ends without a word when the camera is unplugged)."""
        thread = self._capture_thread()
        return not self._stopped and thread is not None and thread.is_alive()

    def start(self):
        """Start again after `stop`; nothing while running. Raises HardwareError when there is no picture.

        It takes a new official object each time: the official start() asks thread.isAlive(), gone since
        Python 3.9, and does nothing where an old thread still hangs in its last read.
        """
        if self.running:
            return
        for camera in (self, OfficialCamera.opened):
            if camera is not None and not camera.running:
                camera.stop()  # unplugged: the dead camera still holds the sensor
        opening = getattr(self.factory, "instance", self.factory)
        self.camera = _in_daemon(opening, OPEN_S, TROUBLE, too_late=lambda camera: camera.stop())
        self._stopped = False
        OfficialCamera.opened = self
        self._begin_to_show()
        # The official stop() waits for the capture thread, which may hang; at a program's end it would for ever.
        atexit.unregister(self.camera.stop)
        atexit.register(self.stop)
        try:
            self.camera.observe(self._pass_on, names="value")
            _wait_for_picture(lambda: self._latest, ", and, for zmq_camera, that the camera container runs")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Stop capturing and give the sensor back. Returns within STOP_S, also inside an observer."""
        atexit.unregister(self.stop)
        if OfficialCamera.opened is self:
            OfficialCamera.opened = None
        if self._stopped:
            return
        self._stopped = True
        self._end_to_show()
        try:
            self.camera.unobserve(self._pass_on, names="value")
        except ValueError:
            pass  # interrupted before it was observed
        inside = threading.current_thread() is self._capture_thread()  # the official stop() would join itself
        try:
            _in_daemon(self.camera.stop, 0.0 if inside else STOP_S, TROUBLE)
        except HardwareError:
            if not inside:
                logging.getLogger(__name__).warning("camera: stop() did not come back; its thread is left")
        except RuntimeError:  # Python 3.12 starts no thread any more while a program ends, and none may be waited for
            self.camera._running = False
            capture = getattr(self.camera, "cap", None)
            if capture is not None:
                capture.release()

    def _capture_thread(self):
        return getattr(self.camera, "thread", None) or getattr(self.camera, "_thread", None)

    def _pass_on(self, change):
        # the official capture thread has just read it, and this observer is the first of this new object
        self._take(change["new"], time.monotonic())


class UsbCamera(Camera):
    """Any camera that OpenCV opens, a video file at its own pace, or a stream.

    device: a webcam's number, a file's path, or a URL. The picture is scaled to width x height without
    keeping the aspect, as the official camera does.
    """

    def __init__(self, device=0, width=224, height=224, fps=30, upside_down=False):
        if isinstance(device, str):
            try:
                device.encode("utf-8"), os.fsencode(device)
            except UnicodeEncodeError:  # OpenCV would crash the process
                raise JetbotMLPError(f"camera: expected a video's path in UTF-8, found {ascii(device)}; "
                                     "rename it, or set LC_ALL=C.UTF-8")
        super().__init__(f"the video {device}" if isinstance(device, str) else f"webcam {device}", upside_down)
        self.device, self.size, self.fps = device, (width, height), fps
        self._thread = None
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
        self._begin_to_show()
        arguments = capture, self._ending, self._arrived
        self._thread = threading.Thread(target=self._run, args=arguments, name="usb-camera", daemon=True)
        self._thread.start()
        try:
            _wait_for_picture(lambda: self._latest)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Stop capturing and give the device back. Also inside an observer. Returns within STOP_S."""
        self._end_to_show()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(STOP_S)

    def _run(self, capture, ending, arrived):
        pause_s = 0.0
        if isinstance(self.device, str) and "://" not in self.device:  # a stream or a webcam has its own pace
            pause_s = 1.0 / (capture.get(cv2.CAP_PROP_FPS) or self.fps)
        try:
            while not ending.is_set():
                good, image = capture.read()
                taken_at = time.monotonic()
                if not good or ending.is_set():  # a read may hang for seconds
                    break
                self._take(cv2.resize(image, self.size, interpolation=cv2.INTER_AREA), taken_at)
                time.sleep(pause_s)
        finally:
            capture.release()
            ending.set()
            arrived.set()


def _in_daemon(function, timeout, trouble, too_late=None):
    """function() in a daemon thread. Returns what it returns; raises HardwareError for what it raises, or
    when it is not done after timeout s; too_late is called with what it returns after that."""
    result, lock, given_up = [], threading.Lock(), []

    def run():
        try:
            answer = function(), None
        except BaseException as error:
            answer = None, error
        with lock:
            result.append(answer)
            late = bool(given_up)
        if late and too_late is not None and answer[1] is None:
            too_late(answer[0])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        thread.join(timeout)
    finally:
        with lock:
            if not result:
                given_up.append(True)
    if not result or given_up:
        raise HardwareError(f"camera: expected an answer within {timeout:g} s, found none; {trouble}")
    value, error = result[0]
    if error is not None:
        raise HardwareError(f"camera: expected it to obey, found {type(error).__name__}: {error}; {trouble}")
    return value


def _wait_for_picture(latest, more=""):
    """Wait until latest() is a picture that is not quite black (ZmqCamera begins with black)."""
    deadline = time.monotonic() + WAIT_S
    while not (isinstance(latest(), np.ndarray) and latest().any()):
        if time.monotonic() > deadline:
            raise HardwareError(f"camera: expected a picture within {WAIT_S:g} s, found "
                                f"{'none' if latest() is None else 'only black'}; check cap and cable{more}")
        time.sleep(0.01)
