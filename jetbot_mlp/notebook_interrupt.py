"""In a notebook "interrupt the kernel" stops the wheels, at whatever moment it is pressed.

A driver drives on in its own thread, and ipykernel ends only what the main thread does: between two cells it
ignores SIGINT altogether (its handler is SIG_IGN), within a cell the cell alone ends, and a cell may swallow the
KeyboardInterrupt. So while a gate is open inside IPython, a handler of ours stands over whatever handler there
is: over the one of each cell (IPython's event pre_run_cell), and in `kernel.saved_sigint_handler`, which ipykernel
(5 to 7) puts back after every message, for the time between cells. It stops the gates, says so, and calls the
one below it. The event post_run_cell does the same for a cell that ended by KeyboardInterrupt without our handler:
one in which another thread, which may set no handlers, started the driver. All is undone when a cell begins and
no gate is open any more.

Outside IPython `watch` does nothing, and nothing is imported.
"""
import signal
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

    def _let_go(self):
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
