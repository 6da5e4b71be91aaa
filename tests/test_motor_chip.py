import os
import sys

import pytest
from fake_i2c import PCA, PINS, SCMD, FakeBus, motion, set_pwm, turn

from jetbot_mlp import motor_chip
from jetbot_mlp.motor_chip import KINDS, MotorChip, NoChip, find_chip, open_bus


@pytest.fixture
def bus(tmp_path):
    return FakeBus(tmp_path / "bus", (PCA, SCMD))


def turning(bus):
    return motion(bus.log())[-1][1]


def test_one_write_stops_every_motor_of_a_pca9685(bus):
    turn(bus)
    assert turning(bus)
    before = len(bus.log())
    MotorChip(bus, 1, KINDS[0]).stop()
    assert len(bus.log()) == before + 1 and not turning(bus)


def test_the_official_driver_turns_a_pca9685_again_without_a_new_start(bus):
    turn(bus)
    driven = motion(bus.log())
    MotorChip(bus, 1, KINDS[0]).stop()
    assert {row[2] for row in bus.log() if row[2] < 6} == set()  # modes, oscillator: untouched
    turn(bus)
    assert turning(bus) and len(driven) > 1


def test_stopped_in_the_midst_of_the_official_sequence_it_stands(bus):
    turn(bus)
    writes = [row[1:] for row in bus.log()]
    for cut in range(len(writes)):
        part = FakeBus(f"{bus.path}{cut}", (PCA,))
        for write in writes[:cut]:
            part.write(*write)
        MotorChip(part, 1, KINDS[0]).stop()
        assert not turning(part)


def test_both_bridges_of_an_scmd_are_disabled_and_both_speeds_zero(bus):
    for register, value in ((0x20, 200), (0x21, 60), (0x70, 1)):
        bus.write(SCMD, register, value)
    assert turning(bus)
    MotorChip(bus, 1, KINDS[1]).stop()
    assert not turning(bus)
    bus.write(SCMD, 0x70, 1)  # whoever enables next
    assert not turning(bus)


def test_a_refused_write_does_not_keep_the_others_from_being_tried():
    class Refuses:
        done = []

        def write(self, address, register, value):
            if register == 0x70:
                raise OSError(121, "Remote I/O error")
            self.done.append(register)

    with pytest.raises(OSError):
        MotorChip(Refuses(), 1, KINDS[1]).stop()
    assert Refuses.done == [0x20, 0x21]


def test_the_first_bus_with_a_chip_wins_and_0x60_before_0x5d(tmp_path):
    there = {1: (), 7: (SCMD, PCA), 0: (SCMD,)}

    def look(numbers):
        return find_chip(numbers, lambda n: FakeBus(tmp_path / str(n), there[n])).name

    assert look((1, 7, 0)) == "PCA9685 at 0x60 on I2C bus 7"
    assert look((1, 0)) == "SCMD at 0x5d on I2C bus 0"
    assert not os.listdir(str(tmp_path))  # looking writes nothing


def test_a_chip_that_is_busy_at_first_is_found_on_its_bus(tmp_path):
    class Busy(FakeBus):
        asked = 0

        def probe(self, address):
            Busy.asked += 1
            if Busy.asked < 4:
                raise OSError(110, "Connection timed out")
            FakeBus.probe(self, address)

    buses = {1: Busy(tmp_path / "1"), 7: FakeBus(tmp_path / "7")}
    assert find_chip((1, 7), buses.get).name.endswith("bus 1")


def test_the_first_bus_is_asked_for_as_long_as_patience_lasts_the_others_for_a_moment(tmp_path):
    class Busy(FakeBus):
        asked = 0

        def probe(self, address):
            self.asked += 1
            if self.asked <= 16:
                raise OSError(121, "Remote I/O error")
            FakeBus.probe(self, address)

    assert find_chip((1,), lambda number: Busy(tmp_path / "1"), patience_s=60.0).name.endswith("bus 1")
    with pytest.raises(NoChip):
        find_chip((1,), lambda number: Busy(tmp_path / "1"))
    buses = {1: FakeBus(tmp_path / "1", ()), 7: Busy(tmp_path / "7")}
    with pytest.raises(NoChip):
        find_chip((1, 7), buses.get, patience_s=0.1)
    assert buses[7].asked == 2 * motor_chip.PROBES


@pytest.mark.parametrize("number, state", [(121, "silent"), (6, "silent"), (5, "disturbed"), (11, "disturbed"),
                                           (110, "disturbed"), (16, "silent")])
def test_a_bus_that_gives_errors_is_no_bus_without_a_chip(number, state):
    class Refuses:
        def probe(self, address):
            raise OSError(number, os.strerror(number))

    with pytest.raises(NoChip, match=os.strerror(number)) as found:
        find_chip((1, 91), {1: Refuses()}.__getitem__)
    assert found.value.state == state
    with pytest.raises(NoChip) as found:  # not the robot's own bus
        find_chip((91, 1), {1: Refuses()}.__getitem__)
    assert found.value.state == "silent"


def test_no_bus_is_told_from_a_bus_without_a_chip():
    with pytest.raises(NoChip) as found:
        find_chip((1, 7), {}.__getitem__)
    assert found.value.state == "absent"


def test_no_chip_says_what_was_found_on_each_bus(tmp_path):
    def opened(number):
        if number == 7:
            raise PermissionError(13, "Permission denied")
        return FakeBus(tmp_path / "bus", ())

    with pytest.raises(OSError, match="bus 1, 0x60: Remote I/O error; bus 1, 0x5d: .*; bus 7: Permission denied"):
        find_chip((1, 7), opened)


def test_without_a_device_and_without_smbus_the_bus_is_absent(monkeypatch):
    for name in ("smbus", "smbus2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(FileNotFoundError):
        open_bus(91)


def test_a_device_is_spoken_to_by_its_address(monkeypatch, tmp_path):
    # a plain file in the place of /dev/i2c-91; the ioctl that chooses the address is looked at, not done
    device, addressed = tmp_path / "i2c-91", []
    device.write_bytes(b"x")
    real = os.open
    monkeypatch.setattr(motor_chip.os.path, "exists", lambda path: True)
    monkeypatch.setattr(motor_chip.os, "open", lambda path, flags: real(str(device), flags))
    monkeypatch.setattr("fcntl.ioctl", lambda file, request, address: addressed.append((request, address)))
    opened = open_bus(91)
    opened.probe(0x60)
    opened.write(0x60, 0xFD, 0x10)
    os.close(opened._file)
    assert addressed == [(0x0703, 0x60)] * 2 and device.read_bytes() == b"x\xfd\x10"


# ---- read back

def test_whether_a_wheel_turns_is_read_from_a_pca9685_at_every_moment_of_the_official_sequence(bus):
    chip = MotorChip(bus, 1, KINDS[0])
    turn(bus)
    assert chip.turning()
    chip.stop()
    assert not chip.turning()
    writes = [row[1:] for row in bus.log()]
    for cut in range(1, len(writes), 7):
        part = FakeBus(f"{bus.path}{cut}", (PCA,))
        for write in writes[:cut]:
            part.write(*write)
        assert MotorChip(part, 1, KINDS[0]).turning() == turning(part)


@pytest.mark.parametrize("wheel", [0, 1])
@pytest.mark.parametrize("kind", ["adafruit", "waveshare"])
def test_one_wheel_of_either_board_is_enough(bus, wheel, kind):
    pwm, in1, in2, ina, inb = PINS[wheel]
    for pin, on, off in ((pwm, 0, 1600), (in2, 4096, 0)) if kind == "adafruit" else ((inb, 0, 1600),):
        set_pwm(bus, pin, on, off)
    assert MotorChip(bus, 1, KINDS[0]).turning()


def test_whether_a_wheel_turns_is_read_from_an_scmd(bus):
    chip = MotorChip(bus, 1, KINDS[1])
    for register in (0x20, 0x21):
        chip.stop()
        assert not chip.turning()
        bus.write(SCMD, register, 200)
        assert not chip.turning()  # not enabled
        bus.write(SCMD, 0x70, 1)
        assert chip.turning()
        bus.write(SCMD, register, 0x80)
        assert not chip.turning()


def test_a_register_is_read_in_one_transaction(monkeypatch, tmp_path):
    seen = []

    def ioctl(file, request, transaction):
        first, second = transaction.messages[0], transaction.messages[1]
        seen.append((request, transaction.count, first.address, first.flags, first.length, first.data[0],
                     second.address, second.flags, second.length))
        second.data[0] = 77

    (tmp_path / "i2c").write_bytes(b"")
    bus = motor_chip.DeviceBus.__new__(motor_chip.DeviceBus)
    bus._file = os.open(str(tmp_path / "i2c"), os.O_RDWR)
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert bus.read(0x60, 0xFD) == 77
    assert seen == [(0x0707, 2, 0x60, 0, 1, 0xFD, 0x60, 1, 1)]  # linux/i2c-dev.h: write 1 byte, read 1
    os.close(bus._file)
