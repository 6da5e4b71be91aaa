import numpy as np
import pytest

from jetbot_mlp.errors import FrameError
from jetbot_mlp.explanation import draw_heat, draw_input, explain, feature_gradient, gradient_map_back
from jetbot_mlp.features import FeatureSpec, extract, gradient_map, shrink
from jetbot_mlp.model_file import MNIST_PIXELS, Model
from jetbot_mlp.network import MLP
from jetbot_mlp.target_strips import STRIPS

CLASSES = {"collision": ("blocked", "free"), "road": None, "mnist": tuple("0123456789")}
SPECS = {"collision": FeatureSpec(), "road": FeatureSpec(color_size=8), "mnist": MNIST_PIXELS}


def frame(seed=0, side=224):
    """Some boxes of some colours on a floor."""
    random = np.random.RandomState(seed)
    image = np.full((side, side, 3), 120, np.uint8)
    for _ in range(6):
        x, y = random.randint(0, side - 40, 2)
        image[y:y + 40, x:x + 30] = random.randint(0, 255, 3)
    return image


def model(task="collision", mirrored=True, spec=None, seed=0, linear=False):
    spec = SPECS[task] if spec is None else spec
    outputs = 2 if linear else len(CLASSES[task] or 2 * STRIPS * "x")
    kind = {"output_activation": "linear"} if linear else {"output_activation": "softmax",
                                                           "loss": "softmax_cross_entropy"}
    network = MLP([spec.n_features, 16, outputs], "tanh", random_state=seed, **kind)
    return Model(task, CLASSES[task], network, spec, {}, mirrored)


@pytest.mark.parametrize("task,index,linear", [("collision", 0, False), ("collision", 1, False), ("road", 0, False),
                                               ("road", 1, False), ("road", 0, True), ("road", 1, True)])
def test_the_gradient_by_the_features_is_that_of_what_the_model_answers(task, index, linear):
    explained = model(task, linear=linear)
    explained = explained._replace(network=MLP(
        explained.network.layer_sizes, "tanh", explained.network.output_activation, explained.network.loss,
        dtype=np.float64, random_state=1))
    features = extract(shrink(frame())[None], explained.feature_spec).astype(np.float64)
    gradient = feature_gradient(explained, features, index)[0]

    def answer(values):
        return explained.outputs_of(values)[0, index]

    for number in range(0, features.shape[1], 151):
        up, down = features.copy(), features.copy()
        up[0, number] += 1e-5
        down[0, number] -= 1e-5
        assert gradient[number] == pytest.approx((answer(up) - answer(down)) / 2e-5, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("cells", [4, 7])
def test_the_way_back_through_the_gradient_map_is_held_against_numerical_differentiation(cells):
    random = np.random.RandomState(2)
    histograms = random.uniform(0.05, 0.3, (14, 14, 9)).astype(np.float32)
    error = random.normal(size=(cells - 1) ** 2 * 36).astype(np.float32)
    back = gradient_map_back(histograms, cells, error)
    for at in ((0, 0, 0), (3, 11, 5), (7, 7, 8), (13, 2, 4)):
        up, down = histograms.copy(), histograms.copy()
        up[at] += 0.02
        down[at] -= 0.02
        change = (gradient_map(up, cells) - gradient_map(down, cells)).ravel().astype(np.float64).dot(error)
        assert back[at] == pytest.approx(change / 0.04, rel=0.05, abs=2e-3 * float(np.abs(back).max()))


def test_where_a_network_looks_is_where_the_explanation_is():
    explained = model("collision", mirrored=False)
    explained.network.weights_[0][...] = 0.0
    weights = explained.network.weights_[0][:36 * 36].reshape(6, 6, 2, 2, 9, 16)
    weights[1, 1, :, :, 3] = 1.0  # one block, not far from the upper left corner, and one direction
    heat = np.abs(explain(explained, np.random.RandomState(0).randint(0, 255, (224, 224, 3)).astype(np.uint8)))
    assert heat.shape == (14, 14) and heat[1:8, 1:8].sum() > 0.999 * heat.sum() > 0


def test_the_mirrored_frame_of_a_mirrored_model_is_explained_by_the_mirror_image():
    for task, sign in (("collision", 1), ("road", -1)):
        explained = model(task)
        image = shrink(frame(3))
        one, other = explain(explained, image), explain(explained, np.ascontiguousarray(image[:, ::-1]))
        np.testing.assert_allclose(one, sign * other[:, ::-1], rtol=0.02, atol=2e-3 * float(np.abs(one).max()))


def test_an_empty_frame_has_no_edges_to_explain_anything():
    assert not np.any(explain(model("collision"), np.full((224, 224, 3), 90, np.uint8)))


def test_all_tasks_and_frames_of_any_size_are_explained():
    for task in CLASSES:
        assert np.isfinite(explain(model(task, mirrored=task != "mnist"), frame()[:200])).all()


def test_a_frame_of_wrong_shape_is_refused():
    with pytest.raises(FrameError):
        explain(model(), np.zeros((20, 20), np.uint8))


def test_red_is_for_and_blue_is_against():
    heat = np.zeros((14, 14), np.float32)
    heat[:, :5], heat[:, 9:] = 1.0, -0.5
    image = frame()
    drawn = draw_heat(image, heat)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8 and (image == frame()).all()
    blue, _, red = (drawn.astype(int) - drawn.min())[..., 0], None, drawn.astype(int)[..., 2]
    assert (red - blue)[:, :60].mean() > 60 and (blue - red)[:, -60:].mean() > 30
    assert draw_heat(image, np.zeros((14, 14), np.float32)).std(axis=2).max() == 0  # grey: nothing to say


def test_the_input_is_drawn_with_edges_along_the_edges():
    image = np.full((224, 224, 3), 20, np.uint8)
    image[:, 112:] = 220  # one upright edge
    drawn = draw_input(image, FeatureSpec(), 224)
    assert drawn.shape == (224, 224, 3)
    lit = drawn[..., 0] > 128
    assert lit.any(axis=1).mean() > 0.6 and lit.any(axis=0).mean() < 0.3
    colour = draw_input(image, FeatureSpec(color_size=8), 224)
    assert colour[20, 20].max() < 60 < 100 < colour[20, 210].min()
    assert draw_input(image, MNIST_PIXELS, 112).shape == (112, 112, 3)
