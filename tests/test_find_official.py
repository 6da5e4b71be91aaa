import functools
import types

import pytest
from driving_fakes import FakeRobot

from jetbot_mlp import hardware
from jetbot_mlp.find_official import find_official
from jetbot_mlp.hardware import CalibratedRobot, open_robot
from jetbot_mlp.official_robot import Movements, OfficialRobot, adapt_robot
from jetbot_mlp.robot_settings import DEFAULTS


class Own:
    """Somebody's class; what is given becomes its attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def set_motors(self, left, right):
        pass

    def stop(self):
        pass


class Slots:
    __slots__ = ("bot", "empty")

    def __init__(self, bot):
        self.bot = bot


class Delegating(Own):
    def __getattr__(self, name):
        return getattr(Delegating.bot, name)


def closure(bot):
    own = Own()
    own.set_motors = lambda left, right: bot.set_motors(left, right)
    return own


class Property(Own):
    robot = property(lambda self: self.__dict__["of"]())


WAYS = [lambda bot: bot, lambda bot: Property(of=lambda: bot),
        lambda bot: Own(bot=bot), Slots, lambda bot: Own(inner=Own(bot=bot)),
        lambda bot: Own(bots=[bot]), lambda bot: types.SimpleNamespace(set_motors=bot.set_motors, stop=bot.stop),
        lambda bot: Own(set_motors=functools.partial(bot.set_motors)), lambda bot: type("Of", (Own,), {"bot": bot})(),
        OfficialRobot, lambda bot: CalibratedRobot(Own(bot=bot), DEFAULTS), adapt_robot,
        lambda bot: Own(bot=CalibratedRobot(OfficialRobot(bot), DEFAULTS)), closure]


@pytest.mark.parametrize("wrap", WAYS)
def test_the_official_robot_is_found_behind_what_is_wrapped_around_it(install, wrap):
    bot = install().Robot()
    found = find_official(wrap(bot))
    assert found.robot is bot and found.motors == (bot.left_motor, bot.right_motor)


def test_it_is_found_though_the_class_hides_it(install):
    module = install()
    assert find_official(Own()) is None  # nothing of it was made yet
    bot = module.Robot.instance()
    assert find_official(Own()).robot is bot
    Delegating.bot = staticmethod(bot)
    assert find_official(type("Mine", (Movements,), {"set_motors": None})()).robot is bot


def test_motors_without_a_robot_are_found_too(install):
    module = install()
    motors = module.Motor(None, 1), module.Motor(None, 2)
    assert find_official(Own(left=motors[0], other=[motors[1]])) == (None, motors)
    assert set(map(id, find_official(Own()).motors)) == set(map(id, motors))


def test_a_robot_without_a_board_has_no_motors(install):
    bot = install(board=None).Robot()
    assert find_official(Own(bot=bot)) == (bot, ())


def test_the_simulators_robot_and_other_peoples_have_none(install):
    module = install()
    for robot in (None, FakeRobot(), open_robot("sim"), hardware.simulation().robot):
        assert find_official(robot) is None
    bot = module.Robot.instance()
    assert find_official(open_robot("sim")) is None and find_official(hardware.simulation().robot) is None
    assert find_official(CalibratedRobot(hardware.simulation().robot, DEFAULTS)) is None
    assert bot.left_motor.value == 0.0


def test_a_getattr_that_asks_itself_is_survived():
    class Endless(Own):
        __slots__ = ()

        def __getattr__(self, name):
            return getattr(self, name + "_")

    with pytest.raises(RecursionError):
        Endless().nothing  # noqa: B018
    assert find_official(Own(bot=Endless())) is None
