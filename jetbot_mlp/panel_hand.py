"""Drive buttons that stop when they are released; used while collecting.

The page tells when a button is pressed and released only with `ipyevents`. Until the first such event was heard (the
kernel cannot know whether the page has it), and where there is none, each press is a short move that ends by itself.
"""
from .hand_drive import HandDrive
from .panel_clicks import dom_events
from .panel_parts import StatusLine, button, stop_button

KEYS = {"ArrowUp": "forward", "ArrowDown": "backward", "ArrowLeft": "left", "ArrowRight": "right"}
KEY_HOLD_S = 0.8  # s; a key that is held comes again and again, first after some 0.5 s
SIGNS = {"forward": "\u25b2", "left": "\u25c0", "right": "\u25b6", "backward": "\u25bc"}
PRESS, RELEASE = ("mousedown", "touchstart"), ("mouseup", "mouseleave", "touchend", "touchcancel")
HOLD = "hold a button, or an arrow key with the mouse over the panel; it stops when you let go"
PULSES = "each press is a short move; to hold: pip install ipyevents where Jupyter runs, restart it, reload the page"


class DrivePad:
    """`pad` (the buttons) and `more` (speed, words) are to be shown. robot, heartbeat, guard: as for `HandDrive`."""

    def __init__(self, robot, heartbeat=None, guard=None, speed=0.3):
        import ipywidgets as widgets

        self.said = StatusLine(PULSES)
        self.hand = HandDrive(robot, heartbeat, guard, told=self.said.trouble)
        self.heard = False  # an event of the page, so that releases will be heard, too
        self.stop = stop_button(self.hand.stop_everywhere, "84px")
        self.buttons = {move: button(sign, lambda move=move: self._pulse(move), "info", move, "84px")
                        for move, sign in SIGNS.items()}
        for made in self.buttons.values():
            made.layout.height = "44px"
        top = getattr(getattr(robot, "settings", None), "max_speed", 1.0)  # of a calibrated one
        self.speed = widgets.FloatSlider(value=min(speed, top), min=0.1, max=max(top, 0.1), step=0.05, readout=True,
                                         description="speed", layout={"width": "270px"},
                                         style={"description_width": "50px"})
        rows = [[self.buttons["forward"]], [self.buttons["left"], self.stop, self.buttons["right"]],
                [self.buttons["backward"]]]
        self.pad = widgets.VBox([widgets.HBox(row, layout={"justify_content": "center", "align_items": "center"})
                                 for row in rows], layout={"width": "276px"})
        self.more = widgets.VBox([self.speed, self.said.widget], layout={"width": "276px"})
        self.events = [dom_events(made, PRESS + RELEASE + ("mouseenter",),
                                  lambda event, move=move: self._on_event(event, move))
                       for move, made in self.buttons.items()]

    def on_key(self, event):
        """An event with 'type' and 'key' of the page. -> True when it was one of this pad's."""
        self._hear()
        if event["type"] == "mouseleave":  # the release of a key would not be heard any more
            self.hand.release()
        elif event.get("key") == " ":
            self.hand.stop_everywhere()
            return True
        elif event.get("key") in KEYS:
            if event["type"] == "keydown":
                self._hold(KEYS[event["key"]], KEY_HOLD_S)
            else:
                self.hand.release()
            return True
        return False

    def close(self):
        """Wheels to zero, buttons without effect."""
        self.hand.release("the panel was closed")
        for events in self.events:
            if events is not None:
                events.close()

    def _hear(self):
        if not self.heard:
            self.heard = True
            self.said.say(HOLD)

    def _on_event(self, event, move):
        self._hear()
        if event["type"] in PRESS:
            self._hold(move)
        elif event["type"] in RELEASE:
            self.hand.release()

    def _hold(self, move, *seconds):
        self.said.say(HOLD)
        self.hand.hold(move, float(self.speed.value), *seconds)

    def _pulse(self, move):
        if not self.heard:  # the same press was heard as held
            self.said.say(PULSES)
            self.hand.pulse(move, float(self.speed.value))
