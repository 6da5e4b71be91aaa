"""In a notebook "interrupt the kernel" stops the wheels, at whatever moment it is pressed.

A driver drives on in its own thread, and ipykernel ends only what the main thread does: between two cells it
ignores SIGINT altogether (its handler is SIG_IGN), within a cell the cell alone ends, and a cell may swallow the
KeyboardInterrupt. So while a gate is open inside IPython, a handler of ours stands over whatever handler there
is: over the one of each cell (IPython's event pre_run_cell), and in `kernel.saved_sigint_handler`, which ipykernel
(5 to 7) puts back after every message, for the time between cells. It stops the gates, says so, and calls the
one below it. The event post_run_cell does the same for a cell that ended by KeyboardInterrupt without our handler:
one in which another thread, which may set no handlers, started the driver.

Python runs handlers between two of its own instructions only. A main thread that is within a long call of C code
(an array computation, a camera that hangs), or just about to sleep when the signal comes, would run them when that
call is over. So a thread waits at a socket to which Python writes each signal's number at once
(signal.set_wakeup_fd), and stops the gates too. All is undone when a cell begins and no gate is open any more.

Outside IPython `watch` does nothing, and nothing is imported.
"""
import os
import signal
import socket
import sys
import threading
import weakref

REASON = "the notebook's kernel was interrupted"
_running = None  # the KernelInterrupt of this process


def watch(gate):
    """An interrupt of the kernel stops this gate from now on. gate: has stop(reason) and stopped. From any thread."""
    global _running
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if get_shell is None else get_shell()
    if shell is not None:
        if _running is None or _running.shell is not shell:
            _running = KernelInterrupt(shell)
        _running.add(gate)


class KernelInterrupt:
    """The hooks in one IPython shell (of a kernel or a terminal)."""

    def __init__(self, shell):
        self.shell = shell
        self._kernel = getattr(shell, "kernel", None)  # a terminal's shell has none
        self._gates = []  # weak references; replaced whole, because an interrupt may come in the midst of it
        self._hooked = False
        self._signals = None  # socket to which Python writes the signals' numbers
        self._wakeup_below = -1  # file descriptor to which it would write without us; -1: none

    def add(self, gate):
        """Watch over this gate too, until it is stopped."""
        self._gates = [weakref.ref(other) for other in self._open_gates() if other is not gate] + [weakref.ref(gate)]
        if not self._hooked:
            self._hooked = True
            self.shell.events.register("pre_run_cell", self._cell_begins)
            self.shell.events.register("post_run_cell", self._cell_ended)
        if threading.current_thread() is threading.main_thread():
            self._take_hold()
        elif hasattr(self._kernel, "io_loop"):  # Python allows handlers in the main thread only
            self._kernel.io_loop.add_callback(self._take_hold)

    def interrupt(self):
        """Stops all that drives, and says so."""
        gates = self._open_gates()
        for gate in gates:
            gate.stop(REASON)
        if gates:
            try:
                print(f"wheels stopped: {REASON}", file=sys.stderr)
            except Exception:  # a page that is gone; the wheels stand, and status() has the reason
                pass

    def _open_gates(self):
        return [gate for gate in (reference() for reference in self._gates) if gate is not None and not gate.stopped]

    def _take_hold(self):
        """Ours over the handler that is in force now, and over the one for between cells."""
        if hasattr(self._kernel, "saved_sigint_handler"):
            self._kernel.saved_sigint_handler = self._over(self._kernel.saved_sigint_handler)
        current = signal.getsignal(signal.SIGINT)
        if current is not None:  # a handler that was not set from Python can't be put back
            signal.signal(signal.SIGINT, self._over(current))
        if self._signals is None:
            heard, self._signals = socket.socketpair()  # no pipe: Windows takes only sockets that do not block
            self._signals.setblocking(False)  # a signal must never wait
            threading.Thread(target=self._hear, args=(heard,), name="kernel interrupt", daemon=True).start()
        before = signal.set_wakeup_fd(self._signals.fileno())
        if before != self._signals.fileno():
            self._wakeup_below = before

    def _hear(self, signals):
        while True:
            number = signals.recv(1)
            if self._wakeup_below != -1:
                try:
                    os.write(self._wakeup_below, number)
                except OSError:  # full, or closed: Python takes no notice of it either
                    pass
            if number[0] == signal.SIGINT:
                self.interrupt()

    def _let_go(self):
        if self._signals is not None:
            current = signal.set_wakeup_fd(self._wakeup_below)
            if current != self._signals.fileno():  # somebody else's by now
                signal.set_wakeup_fd(current)
            self._wakeup_below = -1
        if hasattr(self._kernel, "saved_sigint_handler"):
            self._kernel.saved_sigint_handler = below(self._kernel.saved_sigint_handler)
        current = signal.getsignal(signal.SIGINT)
        if below(current) is not current:
            signal.signal(signal.SIGINT, below(current))

    def _over(self, handler):
        if below(handler) is not handler:  # ours already
            return handler

        def handle(number, frame):
            self.interrupt()
            if callable(handler):
                handler(number, frame)

        handle.below = handler
        return handle

    def _cell_begins(self, info=None):
        if threading.current_thread() is not threading.main_thread():  # a subshell of ipykernel 7
            return
        if self._open_gates():
            self._take_hold()
        else:
            self._let_go()
            self._hooked = False
            self.shell.events.unregister("pre_run_cell", self._cell_begins)
            self.shell.events.unregister("post_run_cell", self._cell_ended)

    def _cell_ended(self, result=None):
        if isinstance(getattr(result, "error_in_exec", None), KeyboardInterrupt):
            self.interrupt()
        if self._kernel is None and threading.current_thread() is threading.main_thread():
            self._let_go()  # in a terminal nobody else puts the handler back


def below(handler):
    """The handler over which ours stands; the handler itself when it is none of ours."""
    return getattr(handler, "below", handler)
