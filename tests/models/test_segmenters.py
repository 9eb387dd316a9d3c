"""LR-ASPP and DeepLabv3: the papers' tables and the libraries' counts to the last digit, and their guards."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from segmenter_guards import GUARDS, MUTANTS
from ssdlite_guards import images, network

import npconv.layers
from npconv.models import MOBILENET_V2_ROWS, deeplab_v3, lr_aspp, mobilenet_v1, mobilenet_v2, mobilenet_v3

FOLDER = Path(npconv.layers.__file__).parents[1] / "models"
NAMES = ("segmenter", "lr_aspp", "deeplab", "multi_task")
SOURCES = {name: (FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in NAMES}
TORCHVISION = {"conventions": "torchvision", "output_stride": 16}


@pytest.fixture
def built(monkeypatch):
    """The modules from their sources, which import one another's modules of these."""

    def build(sources):
        modules = types.SimpleNamespace()
        for name, source in sources.items():
            made = types.ModuleType(f"npconv.models.{name}")
            made.__package__ = "npconv.models"
            made.ReLU = npconv.layers.ReLU
            monkeypatch.setitem(sys.modules, made.__name__, made)
            exec(compile(source, str(FOLDER / f"{name}.py"), "exec", dont_inherit=True), made.__dict__)
            setattr(modules, name, made)
        return modules

    return build


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_networks_have_what_guards_them(guard, built):
    guard(built(SOURCES))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.says)
def test_a_mistake_is_caught(mutant, built):
    assert SOURCES[mutant.module].count(mutant.old) == 1, "the line is not there, or twice"
    mutated = SOURCES | {mutant.module: SOURCES[mutant.module].replace(mutant.old, mutant.new)}
    modules = built(mutated)
    with pytest.raises((AssertionError, ValueError, IndexError, RuntimeError, KeyError, AttributeError)):
        mutant.guard(modules)


@pytest.mark.parametrize(
    ("make", "stride", "rates", "params", "macs"),
    [  # the MobileNetV2 paper's Table 7: MACs plain and by space-to-batch at 513, plain at 512
        (mobilenet_v2, 16, (), 2_113_557, (2_740_709_056, 2_742_445_696, 2_603_958_272)),
        (mobilenet_v2, 8, (), 2_113_557, (8_825_853_632, 8_840_043_968, 8_564_916_224)),
        (mobilenet_v2, 16, None, 4_523_541, (5_363_508_928, 5_823_096_448, 5_070_209_024)),
        (mobilenet_v2, 8, None, 4_523_541, (19_001_546_432, 21_136_891_328, 18_429_919_232)),
        (mobilenet_v1, 16, None, 11_145_301, (12_760_886_976, 14_226_627_264, 12_042_108_928)),
    ],
)  # fmt: skip
def test_the_papers_table_7(make, stride, rates, params, macs):
    own = deeplab_v3(make(conventions="torchvision", output_stride=stride), 21, rates=rates)
    cost = own.cost((1, 513, 513, 3))
    assert cost.params == params
    assert (cost.macs, own.cost((1, 513, 513, 3), space_to_batch=True).macs, own.cost((1, 512, 512, 3)).macs) == macs


def test_torchvisions_networks():
    own = lr_aspp(mobilenet_v3(**TORCHVISION), 21)
    parts = own.cost((1, 520, 520, 3)).parts
    assert [own.cost((1, side, side, 3)).macs for side in (512, 520)] == [1_974_665_088, 2_086_219_688]
    assert (own.cost((1, 520, 520, 3)).params, parts["network"].params) == (3_221_538, 2_971_952)
    own = deeplab_v3(mobilenet_v3(**TORCHVISION), 21, rates=(12, 24, 36), refine=True)
    assert [own.cost((1, side, side, 3)).macs for side in (512, 520)] == [9_825_968_000, 10_436_350_688]
    assert own.cost((1, 520, 520, 3)).params == 11_025_477


@pytest.mark.parametrize(
    ("make", "filters", "params"),
    [  # the MobileNetV3 paper's Table 7, whose numbers are cut off for V2: 2.11, 1.15, 1.02, 0.98, 0.28, 0.16; 3.60
        (lambda: mobilenet_v2(output_stride=16), None, 2_113_043),
        (lambda: halved(1.0), None, 1_159_123),
        (lambda: halved(1.0), 256, 1_027_654),
        (lambda: halved(1.0), 128, 984_006),
        (lambda: halved(0.5), 128, 280_950),
        (lambda: halved(0.35), 128, 166_854),
        (lambda: mobilenet_v3(output_stride=16), None, 3_600_963),
    ],
)
def test_v3_papers_table_7(make, filters, params):
    own = deeplab_v3(make(), 19, rates=()) if filters is None else lr_aspp(make(), 19, filters)
    assert sum(a.size for a in own.params.values()) == own.cost((1, 512, 1024, 3)).params == params


def halved(width):
    """V2 with half the filters in its last block."""
    rows = [(t, c // 2 if c >= 160 else c, n, s) for t, c, n, s in MOBILENET_V2_ROWS]
    return mobilenet_v2(width, rows=rows, output_stride=16)


def test_space_to_batch_rounds_the_sides_up_to_multiples_of_the_rate():
    own = deeplab_v3(network(), 3, rates=(5, 7), filters=4)  # a map of 4×6
    plain, whole = (own.cost((2, 32, 48, 2), space_to_batch=each) for each in (False, True))
    for name, positions in {"atrous_1": 5 * 10, "atrous_2": 7 * 7, "pointwise": 24, "project": 24}.items():
        assert whole.parts[name].macs * 24 == plain.parts[name].macs * positions
        assert whole.parts[name].output_shape == plain.parts[name].output_shape
    assert whole.macs - plain.macs == sum(whole.parts[name].macs - plain.parts[name].macs for name in whole.parts)
    assert (whole.params, whole.output_shape) == (plain.params, plain.output_shape)
    with pytest.raises(TypeError, match=r"DeepLabV3\.cost: space_to_batch must be a bool; got 'yes'"):
        own.cost((2, 32, 48, 2), space_to_batch="yes")


@pytest.mark.parametrize(
    ("build", "options", "error", "message"),
    [
        (lr_aspp, {"classes": 0}, ValueError, "lr_aspp: classes must be at least 1; got 0"),
        (lr_aspp, {"filters": 2.5}, TypeError, "lr_aspp: filters must be an int"),
        (lr_aspp, {"low": "block_9"}, ValueError, "lr_aspp: low: there is no layer 'block_9'"),
        (lr_aspp, {"low": 64}, ValueError, "lr_aspp: low: no block ends at stride 64; blocks end at 2, 4, 8"),
        (lr_aspp, {"low": 2.0}, TypeError, r"lr_aspp: low must be a layer's name or a stride; got 2\.0"),
        (lr_aspp, {"low": 8}, ValueError, "lr_aspp: low must be a layer before the high one, block_4; got 8"),
        (lr_aspp, {"low": "block_3", "high": "block_3.expand"}, ValueError, "low must be a layer before the high"),
        (lr_aspp, {"low": 8, "high": 4}, ValueError, "lr_aspp: low: no block ends at stride 8; blocks end at 2, 4"),
        (lr_aspp, {"high": 4}, ValueError, r"or a stride if no block ends at stride 8; got None, blocks end at 2, 4$"),
        (lr_aspp, {"high": "pool"}, ValueError, "lr_aspp: high: there is no layer 'pool'"),
        (lr_aspp, {"conventions": "slim"}, ValueError, "lr_aspp: conventions must be one of"),
        (lr_aspp, {"seed": -1}, ValueError, "lr_aspp: seed"),
        (deeplab_v3, {}, ValueError, "rates must be a sequence of ints if .* nor 16; got None, stride 4"),
        (deeplab_v3, {"rates": 6}, TypeError, "deeplab_v3: rates must be a sequence of ints; got 6"),
        (deeplab_v3, {"rates": (6, 0)}, ValueError, r"deeplab_v3: rates\[1\] must be at least 1; got 0"),
        (deeplab_v3, {"rates": (), "refine": 1}, TypeError, "deeplab_v3: refine must be a bool; got 1"),
        (deeplab_v3, {"rates": (), "align": "origins"}, ValueError, "deeplab_v3: align must be one of half_pixel"),
        (deeplab_v3, {"rates": (), "batch_norm": {"decay": 1}}, TypeError, "deeplab_v3: batch_norm must have options"),
        (deeplab_v3, {"rates": (), "filters": 0}, ValueError, "deeplab_v3: filters must be at least 1; got 0"),
    ],
)  # fmt: skip
def test_wrong_arguments(build, options, error, message):
    base = network() if build is lr_aspp else network(rows=((1, 8, 1, 2),))
    with pytest.raises(error, match=message):
        build(base, **{"classes": 3} | options)


def test_another_network_and_images_below_the_stride_are_refused():
    for build in (lr_aspp, deeplab_v3):
        with pytest.raises(TypeError, match=f"{build.__name__}: network must be a MobileNet; got LRASPP"):
            build(lr_aspp(network(), 3, low=4), 3)
    for own in (lr_aspp(network(), 3, low=4), deeplab_v3(network(), 3, rates=(2,))):
        name = type(own).__name__
        calls = (
            lambda own=own: own.forward(np.zeros((1, 32, 7, 2))), lambda own=own: own.segment(np.zeros((1, 7, 32, 2))),
            lambda own=own: own.cost((1, 7, 32, 2)), lambda own=own: own.scores(np.zeros((1, 7, 32, 2))),
            lambda own=own: own.score_shape((1, 7, 32, 2)),
        )  # fmt: skip
        for call, method in zip(calls, ("forward", "forward", "cost", "forward", "score_shape"), strict=True):
            with pytest.raises(
                ValueError, match=rf"{name}\.{method}: .*images of at least 8×8, the network's stride; got"
            ):
                call()
        with pytest.raises(
            TypeError, match=rf"{name}\.score_shape: input_shape must be a shape, a tuple of ints; got 5"
        ):
            own.score_shape(5)
        assert own.forward(np.zeros((1, 8, 8, 2))).shape == (1, 8, 8, 3)
        with pytest.raises(ValueError, match=rf"{name}\.forward: x must be \(B, Dᵤ, Dᵤ, 2\), channels last; got"):
            own.forward(np.zeros((1, 2, 32, 32)))
        own.forget()
        with pytest.raises(RuntimeError, match=rf"{name}\.backward: there was no forward"):
            own.backward(np.zeros((3, 32, 48, 3)))
        y = own.forward(images())
        with pytest.raises(ValueError, match=rf"{name}\.backward: dy must be \(3, 32, 48, 3\).*got \(3, 31, 48, 3\)"):
            own.backward(y[:, 1:])
        with pytest.raises(TypeError, match=rf"{name}\.backward: dy must be"):
            own.backward(list(y))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lr_aspp(network(), 3, low="block_3"), "another segmentation network, with low 'block_3'"),
        (lambda: lr_aspp(network(conventions="timm"), 3, low=4), "with conventions 'timm' where this one has 'keras'"),
        (lambda: deeplab_v3(network(), 3, rates=(2,)), "is of what deeplab_v3 builds, and not of what lr_aspp does"),
        (network, "is of a MobileNet, and of no segmentation network; read_network reads it"),
    ],
)  # fmt: skip
def test_a_file_of_another_network_is_refused(make, message, tmp_path):
    own = lr_aspp(network(), 3, low=4)
    make().save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=rf"LRASPP\.load: .*other\.npz .*{message}"):
        own.load(tmp_path / "other.npz")
