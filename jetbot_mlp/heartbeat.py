"""Is anybody still looking? A notebook's browser that goes away must stop the wheels.

The kernel sends the time to the page every quarter of a second, and the page sends it back. What the page
does is `ipywidgets.jslink`, which runs in the browser: no JavaScript of ours, no button to press, and the
same in ipywidgets 7 (classic notebook) and 8 (JupyterLab). (`ipywidgets.Play` would beat by itself, but
neither version starts it at display, and hidden pages slow its timer down.) An answer counts from when its
question was asked, so one that waited in a queue proves nothing about now.
"""
import math
import threading
import time

PING_S = 0.25  # s, between two questions
PING_LOST_S = 1.0  # s, the same while nobody answers: the Jupyter server keeps unread messages
MARGIN_S = 0.1  # s, an answer may be so much newer than now: it is rounded to milliseconds


class BrowserHeartbeat:
    """When the browser was seen last; give it to `Driver(..., heartbeat=...)` and show `widget`.

    limit_s: greatest age of the newest sign, s. clock: () -> s, real time, whatever clock the driver has.
    Without ipywidgets: call `beat` yourself, from any thread.

    A kernel that is busy in a cell receives no answers, and that counts as gone. So in a notebook let the
    driver drive in its own thread and let the cell end:

    >>> heartbeat = BrowserHeartbeat()                                                  # doctest: +SKIP
    >>> display(heartbeat.widget)                                                       # doctest: +SKIP
    >>> driver = Driver(predict, robot, camera, heartbeat=heartbeat)                    # doctest: +SKIP
    >>> driver.start()          # in the next cell: the page answers between cells      # doctest: +SKIP
    """

    def __init__(self, limit_s=1.5, clock=time.monotonic):
        if not 0.5 <= limit_s <= 10.0:
            raise ValueError(f"limit_s: expected 0.5 <= limit_s <= 10 s, found {limit_s}")
        self.limit_s = limit_s
        self._clock = clock
        self._seen = -math.inf
        self._widget = self._ping = self._pong = self._link = self._asking = None
        self._closed = threading.Event()
        self._renewing = threading.Lock()

    def beat(self, stamp=None):
        """The browser was there at `stamp`, s on the clock; None: now. A time to come is ignored."""
        now = self._clock()
        stamp = now if stamp is None else stamp
        if stamp <= now + MARGIN_S:
            self._seen = max(self._seen, stamp)

    def age_s(self, now=None):
        """Age of the newest sign, s; inf before the first."""
        return (self._clock() if now is None else now) - self._seen

    def lost(self, now=None):
        """-> None while the browser is there, else the reason not to drive."""
        self._keep_asking()
        age = self.age_s(now)
        if age <= self.limit_s:
            return None
        if math.isinf(age):
            return "no sign of the browser yet: show heartbeat.widget in the notebook, start in the next cell"
        return f"the browser is gone (no sign for {age:.1f} s): open the notebook's page, then start again"

    @property
    def widget(self):
        """An invisible widget to show in the notebook; made, with the thread that asks, at first use.

        Raises ImportError where there is no ipywidgets.
        """
        if self._widget is None:
            import ipywidgets

            self._ping, self._pong = ipywidgets.IntText(0), ipywidgets.IntText(0)  # ms on the clock
            self._link = ipywidgets.jsdlink((self._ping, "value"), (self._pong, "value"))
            self._pong.observe(lambda change: self.beat(change["new"] / 1e3), names="value")
            self._widget = ipywidgets.Box([self._ping, self._pong], layout=ipywidgets.Layout(display="none"))
            self._keep_asking()
        return self._widget

    def close(self):
        """Ask no more; whoever drives by this heartbeat is stopped."""
        self._closed.set()

    def _keep_asking(self):
        """A thread that died (an observer of someone's ended it) is replaced: else no start would ever help."""
        asking = self._asking
        dead = asking is None or not (asking.is_alive() or asking is threading.current_thread())
        if self._widget is not None and dead and not self._closed.is_set() and self._renewing.acquire(False):
            try:
                if self._asking is asking:
                    self._asking = threading.Thread(target=self._ask, name="heartbeat", daemon=True)
                    self._asking.start()
            finally:
                self._renewing.release()

    def _ask(self):
        pause = 0.0
        while not self._closed.wait(pause):
            try:
                self._ping.value = int(1e3 * self._clock())
            except Exception:  # a page that is just being loaded anew; without an answer the wheels stop anyway
                pass
            pause = PING_S if self.lost() is None else PING_LOST_S
