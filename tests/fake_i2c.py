"""An imitated I2C bus that several processes share: a file of all writes, with the time of each.

The wheels are worked out from the writes as the chips' data sheets say, so a stop counts only if it really
frees the H-bridges.
"""
import os
import time

PCA, SCMD = 0x60, 0x5D
PINS = ((8, 10, 9, 1, 0), (13, 11, 12, 2, 3))  # Adafruit's PWM, IN1, IN2 and Waveshare's two; left, right


# a module smbus on it, for where there is no /dev/i2c-N
SMBUS = """
from fake_i2c import FakeBus
class SMBus:
    def __init__(self, number): self.bus = FakeBus({!r})
    def read_byte_data(self, address, register): return self.bus.read(address, register)
    def write_byte_data(self, *what): self.bus.write(*what)
"""


class FakeBus:
    """File-backed. While PATH.broken exists, every write and probe is refused, as by a chip that is busy."""

    def __init__(self, path, addresses=(PCA,)):
        self.path = str(path)
        self.addresses = addresses

    def probe(self, address):
        if address not in self.addresses or os.path.exists(self.path + ".broken"):
            raise OSError(121, "Remote I/O error")

    def write(self, address, register, value):
        self.probe(address)
        self._note(f"{address} {register} {value}")

    def read(self, address, register):
        """Of either chip; its registers are 0 at first."""
        self.probe(address)
        value = 0
        for _, to, written, number in self.log():
            every = address == PCA and 0xFA <= written <= 0xFD and 6 <= register < 70 and \
                register % 4 == (6 + written - 0xFA) % 4
            if to == address and (written == register or every):
                value = number
        return value

    def died(self):
        """Marks the moment at which the process that drives is about to die."""
        self._note("0 0 0")

    def _note(self, words):
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{time.monotonic()!r} {words}\n".encode())
        os.close(file)

    def log(self):
        """-> list of (time s, address, register, value)."""
        if not os.path.exists(self.path):
            return []
        with open(self.path) as stream:
            whole = stream.read().rpartition("\n")[0]  # another process may be in the midst of a line
        rows = [line.split() for line in whole.splitlines()]
        return [(float(row[0]),) + tuple(int(word) for word in row[1:]) for row in rows]


def set_pwm(bus, pin, on, off):
    """Four writes, as the official driver does them."""
    for offset, value in enumerate((on & 0xFF, on >> 8, off & 0xFF, off >> 8)):
        bus.write(PCA, 6 + 4 * pin + offset, value)


def turn(bus, speed=100):
    """Both wheels forward, by the official sequence for Adafruit and Waveshare. speed: 0 to 255."""
    for pwm, in1, in2, ina, inb in PINS:
        set_pwm(bus, pwm, 0, speed * 16)
        set_pwm(bus, in1, 0, 4096)
        set_pwm(bus, in2, 4096, 0)
        set_pwm(bus, ina, 0, speed * 16)
        set_pwm(bus, inb, 0, 0)


def motion(log):
    """-> list of (time s, whether a wheel turns) after each write."""
    registers, scmd = {}, {0x20: 0x80, 0x21: 0x80, 0x70: 0}
    result = []
    for stamp, address, register, value in log:
        if address == PCA:
            written = range(6 + register - 0xFA, 70, 4) if 0xFA <= register <= 0xFD else [register]
            registers.update((r, value) for r in written)
        elif address == SCMD:
            scmd[register] = value
        turning = any(_turns(registers, *pins) for pins in PINS)
        turning = turning or (scmd[0x70] == 1 and (scmd[0x20], scmd[0x21]) != (0x80, 0x80))
        result.append((stamp, turning))
    return result


def moving(bus):
    """Whether a wheel turns now."""
    states = motion(bus.log())
    return bool(states) and states[-1][1]


def time_to_zero(bus):
    """s from the death to the first moment at which the wheels stood; waits for it, and for them to stay so."""
    from driving_fakes import wait_until  # here: the guard of the tests imports this file, without NumPy

    assert wait_until(lambda: any(row[1:] == (0, 0, 0) for row in bus.log()), 10.0)
    assert wait_until(lambda: not moving(bus), 3.0)
    death = next(row[0] for row in bus.log() if row[1:] == (0, 0, 0))
    states = [(stamp, turning) for stamp, turning in motion(bus.log()) if stamp >= death]
    assert states[0][1], "the wheels did not turn when it died"
    return next(stamp for stamp, turning in states if not turning) - death


def _turns(registers, pwm, in1, in2, ina, inb):
    def duty(pin):
        on_low, on_high, off_low, off_high = (registers.get(6 + 4 * pin + i, 0) for i in range(4))
        if off_high & 0x10:  # full off wins over full on
            return 0
        if on_high & 0x10:
            return 4096
        return ((off_high << 8 | off_low) - (on_high << 8 | on_low)) % 4096

    return bool(duty(pwm) and duty(in1) != duty(in2)) or duty(ina) != duty(inb)
