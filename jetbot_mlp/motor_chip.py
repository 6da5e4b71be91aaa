"""Stops the wheels without the official package: a few bytes over I2C to the motor chip itself.

Nothing but the standard library, so that the motor guard is small and starts at once. The chips:

PCA9685 at 0x60 (Adafruit and Waveshare). Bit 4 of LEDn_OFF_H is "full off" and wins over everything else in
a channel's registers (NXP data sheet rev. 4, 7.3.3); ALL_LED_OFF_H (0xFD) loads it into all sixteen channels
by one write, whose two bytes no other process can split. That frees all H-bridge inputs, Adafruit's pins
8 to 13 as well as Waveshare's 0 to 3. Zeros per channel would take four writes each, and ON = OFF = 0 is a
setting which the data sheet forbids. The official driver needs no new start afterwards: every speed it
sets rewrites all four registers of each pin, and so clears the bit. Oscillator and prescaler stay as they are.

SparkFun SCMD at 0x5D. DRIVER_ENABLE (0x70) = 0 takes both bridges off, one write for both wheels; then both
speeds, MA_DRIVE (0x20) and MB_DRIVE (0x21), to 0x80, which is zero, for whoever enables next. It is what the
official stop() does; every official command enables again.
"""
import errno
import importlib
import os
import time
from typing import Callable, NamedTuple

I2C_SLAVE = 0x0703  # ioctl of linux/i2c-dev.h: the address that read and write on the file talk to
I2C_RDWR = 0x0707  # ... and the one for several messages in one transaction
I2C_M_RD = 1
PROBES = 3  # a chip that is busy with another process may miss one
PROBE_PAUSE_S = 0.02
# what a bus says that does not work, by Linux's i2c/fault-codes; an empty address is ENXIO or EREMOTEIO
DISTURBED = (errno.EAGAIN, errno.EIO, errno.EPROTO, errno.ETIMEDOUT)


def pca9685_turns(read):
    """Whether a wheel is driven, by the registers. read: register -> 0 to 255.

    Channel n has LEDn_ON_L, ON_H, OFF_L, OFF_H from register 6 + 4 n; its share of time is (OFF - ON) mod 4096
    (data sheet 7.3.3). A bridge drives its wheel when its two inputs differ: Adafruit's have a third for the
    speed (PWM, IN1, IN2), Waveshare's two are pulsed themselves.
    """
    def duty(channel):
        on_low, on_high, off_low, off_high = (6 + 4 * channel + i for i in range(4))
        off = read(off_high)
        if off & 0x10:  # full off wins over full on
            return 0
        on = read(on_high)
        return 4096 if on & 0x10 else ((off << 8 | read(off_low)) - (on << 8 | read(on_low))) % 4096

    return any((duty(pwm) and duty(in1) != duty(in2)) or duty(ina) != duty(inb)
               for pwm, in1, in2, ina, inb in ((8, 10, 9, 1, 0), (13, 11, 12, 2, 3)))


def scmd_turns(read):
    """The same for the SCMD: enabled, and one of the speeds is not zero."""
    return bool(read(0x70) & 1) and (read(0x20), read(0x21)) != (0x80, 0x80)


class Kind(NamedTuple):
    """What there is to know of a motor chip."""

    name: str
    address: int
    stop: tuple  #: of (register, value): what brings both wheels to zero, the best first
    turns: Callable  #: (read) -> whether a wheel is driven


KINDS = (  # in the order in which the official package looks
    Kind("PCA9685", 0x60, ((0xFD, 0x10),), pca9685_turns),
    Kind("SCMD", 0x5D, ((0x70, 0x00), (0x20, 0x80), (0x21, 0x80)), scmd_turns),
)


class DeviceBus:
    """/dev/i2c-N of Linux. Every method raises OSError."""

    def __init__(self, number):
        self._file = os.open(f"/dev/i2c-{number}", os.O_RDWR | os.O_CLOEXEC)

    def _talk_to(self, address):
        import fcntl  # here: a laptop with Windows imports this module too

        fcntl.ioctl(self._file, I2C_SLAVE, address)

    def write(self, address, register, value):
        """One byte into a register, as one transaction."""
        self._talk_to(address)
        os.write(self._file, bytes((register, value)))

    def read(self, address, register):
        """One register, in one transaction: another process can't put a register of its own in between."""
        import ctypes
        import fcntl

        class Message(ctypes.Structure):  # struct i2c_msg
            _fields_ = [("address", ctypes.c_uint16), ("flags", ctypes.c_uint16), ("length", ctypes.c_uint16),
                        ("data", ctypes.POINTER(ctypes.c_uint8))]

        class Transaction(ctypes.Structure):  # struct i2c_rdwr_ioctl_data
            _fields_ = [("messages", ctypes.POINTER(Message)), ("count", ctypes.c_uint32)]

        which, value = ctypes.c_uint8(register), ctypes.c_uint8()
        messages = (Message * 2)(Message(address, 0, 1, ctypes.pointer(which)),
                                 Message(address, I2C_M_RD, 1, ctypes.pointer(value)))
        fcntl.ioctl(self._file, I2C_RDWR, Transaction(messages, 2))
        return value.value

    def probe(self, address):
        """Raises unless something answers there; changes nothing."""
        self._talk_to(address)
        os.read(self._file, 1)


class SmbusBus:
    """The same by the package smbus or smbus2, for machines whose bus is no /dev/i2c-N."""

    def __init__(self, number, package):
        self._bus = package.SMBus(number)

    def write(self, address, register, value):
        """One byte into a register, as one transaction."""
        self._bus.write_byte_data(address, register, value)

    def read(self, address, register):
        """One register, as one transaction."""
        return self._bus.read_byte_data(address, register)

    def probe(self, address):
        """Raises unless something answers there. Register 0 may be read in both chips."""
        self._bus.read_byte_data(address, 0)


def open_bus(number):
    """-> a bus with write(address, register, value) and probe(address). Raises OSError."""
    if not os.path.exists(f"/dev/i2c-{number}"):
        for name in ("smbus", "smbus2"):
            try:
                package = importlib.import_module(name)
            except ImportError:
                continue
            return SmbusBus(number, package)
    return DeviceBus(number)


class MotorChip:
    """A chip that answered. bus: from open_bus; number: of the bus; kind: a Kind."""

    def __init__(self, bus, number, kind):
        self._bus = bus
        self._kind = kind
        self.name = f"{kind.name} at {kind.address:#04x} on I2C bus {number}"

    def stop(self):
        """Both wheels to zero. Every write is tried; raises what the first refused one raised."""
        failure = None
        for register, value in self._kind.stop:
            try:
                self._bus.write(self._kind.address, register, value)
            except Exception as error:  # OSError mostly; an smbus of whatever make may raise others
                failure = failure or error
        if failure is not None:
            raise failure

    def turning(self):
        """Whether the chip drives a wheel now. Raises what the bus raises."""
        return self._kind.turns(lambda register: self._bus.read(self._kind.address, register))


class NoChip(OSError):
    """No motor chip was found. state: 'absent', there is no bus to ask; 'silent', nobody is at the known addresses;
    'disturbed', the first bus does not work."""

    def __init__(self, words, state):
        super().__init__(words)
        self.state = state


def find_chip(numbers, open_bus=open_bus, patience_s=0.0):
    """The first chip that answers, bus by bus in the order of `numbers`. -> MotorChip.

    Like the official package it takes whatever answers at 0x60 or 0x5D for a motor chip. Reads only. The first
    bus, if it is there, is asked again and again for patience_s seconds before the others are.
    Raises NoChip, an OSError, which says for each bus what was found instead.
    """
    found, state = [], "absent"
    for number in numbers:
        try:
            bus = open_bus(number)
        except Exception as error:
            found.append(f"bus {number}: {getattr(error, 'strerror', None) or error}")
            continue
        state = "silent" if state == "absent" else state
        rounds, deadline = 0, time.monotonic() + (patience_s if number == numbers[0] else 0.0)
        while rounds < PROBES or time.monotonic() < deadline:
            rounds, answers = rounds + 1, []
            for kind in KINDS:
                try:
                    bus.probe(kind.address)
                    return MotorChip(bus, number, kind)
                except Exception as error:
                    answers.append((kind.address, error))
            time.sleep(PROBE_PAUSE_S)
        found += [f"bus {number}, {address:#04x}: {getattr(error, 'strerror', None) or error}"
                  for address, error in answers]
        if number == numbers[0] and any(getattr(error, "errno", None) in DISTURBED for _, error in answers):
            state = "disturbed"
    raise NoChip("; ".join(found), state)
