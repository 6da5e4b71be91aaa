"""The small pieces that the notebook panels share: buttons, STOP, a status line, a picture that moves.

The picture has a thread and a rate of its own and never waits for anybody: it shows the newest frame when its turn
comes, whatever was missed. And it asks the browser (a `jslink`, which runs there) whether the last pictures have
arrived; while they have not, no new ones are sent, for they would only queue up and be seen late.
"""
import threading
import time

import cv2

from .errors import JetbotMLPError

# white on these has a contrast of 5 and more, on a bright page and on JupyterLab's dark theme
GOOD, TROUBLE = "#1b7837", "#b00020"
STYLES = {"good": f"color:white;background:{GOOD};padding:2px 8px;border-radius:3px",
          "trouble": f"color:white;background:{TROUBLE};padding:2px 8px;border-radius:3px;font-weight:bold",
          "warning": "color:black;background:#ffd54f;padding:2px 8px;border-radius:3px",
          "plain": ""}
BUTTONS = {"primary": "#1565c0", "success": GOOD, "info": "#00697a", "warning": "#a65300", "danger": TROUBLE}
BORDER = "1px solid #9e9e9e"
JPEG_QUALITY = 80
AHEAD = 3  # pictures that may be on their way to the browser
PATIENCE_S = 0.5  # s, after which one is sent all the same: the kernel hears no answers while a cell runs
GONE_S = 5.0  # s between pictures while no browser answers at all
TRY_AGAIN_S = 1.0  # s


def jpeg(image, quality=JPEG_QUALITY):
    """uint8 (H, W, 3) BGR -> the JPEG's bytes, as `ipywidgets.Image.value` wants them."""
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"jpeg: expected a picture uint8 (H, W, 3), found {image.dtype} {image.shape}")
    return encoded.tobytes()


def picture(image=None, side=300, alt="picture"):
    """-> an `ipywidgets.Image`, side px wide; image: what it shows first."""
    import ipywidgets as widgets

    shown = widgets.Image(format="jpeg", width=side, layout=widgets.Layout(
        width=f"{side}px", border=BORDER, object_fit="contain", flex="0 0 auto", align_self="flex-start"))
    if hasattr(shown, "alt"):
        shown.alt = alt
    if image is not None:
        shown.value = jpeg(image)
    return shown


def button(text, pressed, style="", tooltip="", width="auto"):
    """pressed: callable() of no arguments; style: '', 'primary', 'success', 'info', 'warning', 'danger'."""
    import ipywidgets as widgets

    made = widgets.Button(description=text, button_style=style, tooltip=tooltip,
                          layout=widgets.Layout(width=width, min_width="60px"))
    if style:
        made.style = _colored(BUTTONS[style])  # ipywidgets' own are too pale for white words
    made.on_click(lambda _: pressed())
    return made


def stop_button(pressed, width="100%"):
    """The big red one. It is never disabled: pressing it once more does no harm."""
    made = button("STOP", pressed, "danger", "wheels to zero, now", width)
    made.layout.height = "56px"
    made.style = _colored(TROUBLE, font_weight="bold")
    made.add_class("jetbot-stop")
    return made


def _colored(color, **style):
    import ipywidgets as widgets

    if hasattr(widgets.ButtonStyle, "text_color"):  # from ipywidgets 8; JupyterLab's dark theme would write in black
        style["text_color"] = "white"
    return widgets.ButtonStyle(button_color=color, **style)


def heading(text):
    """A line above a group of widgets."""
    import ipywidgets as widgets

    return widgets.HTML(f"<b style='font-size:110%'>{text}</b>")


def tight(html):
    """HTML whose lines lie closer than those of an `ipywidgets.HTML`."""
    return f"<div style='line-height:1.4'>{html}</div>"


class StatusLine:
    """One line of words. `widget` is to be shown; kind: 'plain', 'good', 'warning' or 'trouble'."""

    def __init__(self, text=""):
        import ipywidgets as widgets

        self.widget = widgets.HTML(layout=widgets.Layout(min_height="28px"))
        self.text = None
        self.say(text)

    def say(self, text, kind="plain"):
        """text: str or an error; shown as it is, never as HTML."""
        text = str(text)
        if (text, kind) != self.text:
            self.text = text, kind
            self.widget.value = f"<div style='line-height:1.4;{STYLES[kind]}'>{escaped(text)}</div>"

    def trouble(self, error):
        """What went wrong, in red."""
        self.say(error, "trouble")


def escaped(text):
    """text for HTML."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Repeater:
    """Calls `call` every period_s in a daemon thread, until `close`; one that raises is called again a second later.

    trouble: callable(error or text), told what was raised; None: nobody is. A call that takes too long is late, and
    does not catch up.
    """

    def __init__(self, call, period_s, name, trouble=None):
        self.call, self.period_s, self.name, self.trouble = call, period_s, name, trouble
        self._closing = threading.Event()
        self._thread = None

    @property
    def running(self):
        """True while its thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def start(self):
        """Returns self; does nothing while it runs."""
        if not self.running:
            self._closing = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._closing,), name=self.name, daemon=True)
            self._thread.start()
        return self

    def close(self, timeout=1.0):
        """No more calls; waits for the one under way at most timeout s."""
        self._closing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self, closing):
        due = time.monotonic()
        while not closing.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.period_s, time.monotonic())
            try:
                self.call()
            except Exception as error:  # a page being loaded anew, a frame half there; the next one may do
                due = time.monotonic() + TRY_AGAIN_S
                if self.trouble is not None:
                    ours = isinstance(error, JetbotMLPError)
                    self.trouble(error if ours else f"{self.name}: {type(error).__name__}: {error}")


class Preview:
    """Shows in widgets what `make` gives, at a rate of its own, until `close` or until its widget is closed.

    make: callable() -> {widget: uint8 (H, W, 3) BGR}, or None when there is nothing new; runs in the preview's
    thread. rate_hz: at most so many pictures a second; trouble: as of `Repeater`.
    Show `widget` (invisible) in the panel: it is what the browser answers with.
    """

    def __init__(self, make, rate_hz=15.0, trouble=None):
        import ipywidgets as widgets

        self.make = make
        self.sent = self.answered = 0  # numbers of pictures
        self._sent_at = self._answered_at = -float("inf")  # s, monotonic
        self._number, self._answer = widgets.IntText(0), widgets.IntText(0)
        self._link = widgets.jsdlink((self._number, "value"), (self._answer, "value"))
        self._answer.observe(self._on_answer, names="value")
        self.widget = widgets.Box([self._number, self._answer], layout=widgets.Layout(display="none"))
        self._repeater = Repeater(self._show, 1.0 / rate_hz, "preview", trouble)

    @property
    def running(self):
        """True while its thread lives."""
        return self._repeater.running

    def start(self):
        """Returns self; does nothing while it runs."""
        self._repeater.start()
        return self

    def close(self, timeout=1.0):
        """No more pictures."""
        self._repeater.close(timeout)

    def behind(self, now):
        """True while the next picture should wait for the browser; now: s, monotonic."""
        if self.sent - self.answered < AHEAD:
            return False
        return now - self._sent_at < (PATIENCE_S if now - self._answered_at < GONE_S else GONE_S)

    def _on_answer(self, change):
        self.answered, self._answered_at = max(self.answered, change["new"]), time.monotonic()

    def _show(self):
        if self.widget.comm is None:  # the panel was closed
            self._repeater.close()
            return
        now = time.monotonic()
        pictures = None if self.behind(now) else self.make()
        if pictures:
            for shown, image in pictures.items():
                shown.value = jpeg(image)
            self._sent_at = now
            self.sent += 1
            self._number.value = self.sent
