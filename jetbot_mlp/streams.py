"""Standard streams on which anything can be printed, whatever the caller closed and the locale can write.

A closed one is None in `sys`, and its number would be given to the next file that is opened: the I2C bus, say, on
which some library's warning would be printed then. In the C locale Python 3.6 can print no letter outside ASCII,
but a path may have some.
"""
import os
import sys


def make_printable():
    """Closed streams become the null device; letters that a stream can't write become \\x.. , \\u.... ."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in this order: each takes its number
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, "__" + name + "__"):  # else a notebook's, or a test's
            setattr(sys, name, printable(stream))


def printable(stream):
    """-> a text stream to the same file which can write anything; the stream itself where it can be changed."""
    if getattr(stream, "errors", "backslashreplace") == "backslashreplace":
        return stream
    if hasattr(stream, "reconfigure"):  # since Python 3.7
        stream.reconfigure(errors="backslashreplace")
        return stream
    stream.flush()
    return open(stream.fileno(), "w", buffering=1 if stream.line_buffering else -1, encoding=stream.encoding,  # noqa: SIM115
                errors="backslashreplace", closefd=False)
