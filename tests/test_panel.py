import pytest

from jetbot_mlp import panel


@pytest.mark.parametrize("name", panel.__all__)
def test_each_panel_is_found_by_its_name(name):
    assert name in dir(panel) and callable(getattr(panel, name))


def test_another_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'flying_panel'"):
        panel.flying_panel  # noqa: B018
