"""Inference in bands: the same numbers as layer by layer, whatever the bands, and nothing kept but the network."""

import copy
import functools
import os
import pickle
import signal
import threading
import tracemalloc

import numpy as np
import pytest

from npconv import threads
from npconv.kernels.engine import part_of, read_by
from npconv.kernels.geometry import Axis, Geometry
from npconv.layers import (
    Conv2D,
    DepthwiseSeparable,
    HardSwish,
    InvertedResidual,
    Layer,
    ReLU6,
    ResidualBottleneck,
    Sequential,
)
from npconv.models import (
    Inference,
    Row,
    in_bands as in_bands_module,
    in_parts,
    inference as module,
    mobilenet_v1,
    mobilenet_v2,
    small_mobilenet_v2,
)
from npconv.models.in_bands import BandedBlock

TABLE = (Row(1, 6, 1, 1), Row(3, 10, 2, 2), Row(4, 12, 2, 2))
NETWORKS = {
    "keras": lambda: mobilenet_v2(1.0, 7, rows=TABLE, stem_channels=10, last_channels=20),
    "torchvision": lambda: mobilenet_v2(1.0, 7, rows=TABLE, conventions="torchvision", last_channels=20),
    "dilated": lambda: mobilenet_v2(1.0, 7, rows=(*TABLE, Row(2, 9, 2, 2)), output_stride=8, last_channels=20),
    "v1": lambda: mobilenet_v1(0.25, 7, rows=((40, 1, 1), (60, 2, 2)), activation="relu"),
    "v1, full convolutions": lambda: mobilenet_v1(0.25, 7, rows=((40, 1, 1), (60, 2, 2)), convolution="standard"),
    "small": lambda: small_mobilenet_v2(7, 3),
    "not normalised": lambda: Sequential(Conv2D(3, 4), InvertedResidual(4, 4, batch_norm=None)),
    "activation first": lambda: Sequential(ReLU6(), InvertedResidual(3, 4, (2, 1), kernel_size=(5, 3))),
    "more padding than kernel": lambda: Sequential(InvertedResidual(3, 3, padding=4, shortcut=False)),
    "depth multiplier": lambda: Sequential(DepthwiseSeparable(3, 4, depth_multiplier=2)),
    "no ReLU6 in between": lambda: Sequential(DepthwiseSeparable(3, 4, activation="linear")),
    "ReLU6 in the bottleneck": lambda: Sequential(InvertedResidual(3, 3, bottleneck="relu6")),
    "V3's blocks": lambda: Sequential(
        InvertedResidual(3, 6, 2, expanded=10, kernel_size=5, activation="hard_swish", squeeze=4),
        InvertedResidual(6, 6, expanded=8, activation="relu", squeeze=2),
        InvertedResidual(6, 6, expanded=6, activation="hard_swish"),
        HardSwish(),
    ),
    "squeeze-and-excite without expansion": lambda: InvertedResidual(3, 3, expansion=1, squeeze=2),
    "a block alone": lambda: InvertedResidual(3, 3),
    "a separable block alone": lambda: DepthwiseSeparable(3, 4, 2),
    "a bottleneck alone": lambda: ResidualBottleneck(3, 2),
    "rows in rows": lambda: Sequential(Sequential(Conv2D(3, 4), Sequential(InvertedResidual(4, 4))), ReLU6()),
}


def made(name):
    """A network whose normalisation is not the identity, as after a training."""
    network = NETWORKS[name]().initialize(1)
    rng = np.random.default_rng(2)
    for key, a in network.arrays().items():
        if key.endswith(("shift", "mean", "bias")):
            a[...] = rng.standard_normal(a.shape)
        if key.endswith(("scale", "variance")):
            a[...] = rng.uniform(0.5, 2, a.shape)
    return network


def images(*shape):
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_folded_network_whatever_the_bands(name):
    network = made(name)
    folded = network.folded()
    for shape in ((1, 37, 26, 3), (3, 24, 31, 3)):
        x = images(*shape)
        y = folded.forward(x)
        for band in (1, 5_000, 40_000, 10**8):
            before = x.copy()
            fast = Inference(network, band=band)
            for _ in range(2):  # the second time with buffers that hold the first one's numbers
                np.testing.assert_allclose(fast.forward(x), y, rtol=1e-5, atol=1e-5 * np.abs(y).max())
            assert np.array_equal(x, before)


@pytest.fixture
def use():
    """`threads.use`, until the test ends."""
    yield threads.use
    threads.use(None)


@pytest.fixture
def small_parts(monkeypatch):
    """Blocks and layers that are split, and handed to threads, where they are as small as here."""
    monkeypatch.setattr(threads, "WORTH", 1)
    for each, name in (
        (in_bands_module, "SPLIT"),
        (in_parts, "PART"),
        (in_parts, "NARROW"),
        (in_parts, "MATRIX_ROWS"),
    ):
        monkeypatch.setattr(each, name, 1)


@functools.cache
def answered(name):
    """A network, and what it answers, folded, to images of several sizes: the same for every band."""
    network = made(name)
    folded = network.folded()
    return network, [(x, folded.forward(x)) for x in (images(1, 37, 26, 3), images(3, 24, 31, 3), images(1, 9, 20, 3))]


@pytest.mark.parametrize("band", [3_000, 30_000, 10**8])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_number_of_threads_gives_the_same_bits(name, band, use, small_parts):
    network, answers = answered(name)
    for x, y in answers:
        results = []
        for number in (1, 2, 3):
            use(number)
            fast = Inference(network, band=band)
            results += [fast.forward(x), fast.forward(x[:, ::-1]), fast.forward(x)]  # in buffers that were used
            assert np.array_equal(results[-1], results[0])
            assert np.array_equal(results[-2], results[1])
        np.testing.assert_allclose(results[0], y, rtol=1e-5, atol=1e-5 * np.abs(y).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_depends_on_what_new_memory_holds(name, use, small_parts, monkeypatch):
    network, x, empty = made(name), images(1, 37, 26, 3), np.empty

    def full(shape, dtype=float):
        a = empty(shape, dtype)
        a.fill(255 if a.dtype == np.uint8 else np.nan)  # bytes of 255 are NaN as a float
        return a

    y = network.folded().forward(x)
    use(2)
    monkeypatch.setattr(np, "empty", full)
    np.testing.assert_allclose(Inference(network, band=5_000).forward(x), y, rtol=1e-5, atol=1e-5 * np.abs(y).max())


def test_one_object_may_see_the_number_of_threads_change(use, small_parts):
    fast, x = Inference(made("keras"), band=5_000), images(2, 37, 26, 3)
    y = fast.forward(x)
    for number in (3, 1, 2):
        use(number)
        assert np.array_equal(fast.forward(x), y)
        assert {len(block.shares) for block in in_bands(fast).values()} <= set(range(1, number + 1))
        assert len(fast._buffers) == number


def test_maps_of_few_rows_are_split_into_groups_of_channels_whose_projections_are_added_up(small_parts):
    block = InvertedResidual(5, 5, batch_norm=None)
    fast = Inference(Sequential(block))
    fast.forward(images(1, 7, 9, 5))
    first, second = in_bands(fast)["0"].bands
    assert (first.group, second.group) == (slice(0, 15), slice(15, 30))
    assert (first.partial, second.partial.shape) == (None, (1, 7, 9, 5))
    assert first.rows == second.rows == slice(0, 7)
    fast.forward(images(1, 12, 9, 5))
    assert [band.rows for band in in_bands(fast)["0"].bands] == [slice(0, 6), slice(6, 12)]
    fast.forward(images(2, 7, 9, 5))
    assert [band.images for band in in_bands(fast)["0"].bands] == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((1, 37, 26, 3), {"stem": "rows", "last": "columns", "classifier": "columns"}),
        ((8, 90, 90, 3), {"stem": "rows", "last": "rows", "classifier": "rows"}),
    ],
)
def test_the_convolutions_outside_the_blocks_are_computed_in_parts(shape, parts, small_parts):
    fast = Inference(made("keras"))
    fast.forward(images(*shape))
    found = {name: layer for name, layer in fast._parts.items() if layer is not None}
    assert list(found) == list(parts)
    for name, layer in found.items():
        assert len(layer.parts) > 1
        y = np.zeros(layer.y_shape, int)
        for part in layer.parts:
            cut = part[0] if name == "stem" else part
            (y if name == "stem" else y.reshape(-1, y.shape[-1]))[cut] += 1
        assert np.array_equal(y, np.ones_like(y)), name
        if name != "stem":
            assert (layer.parts[0][0] == slice(None)) == (parts[name] == "columns")


def test_an_exception_in_a_band_is_raised_once_and_the_next_pass_is_whole(use, small_parts, monkeypatch):
    use(2)
    fast, x = Inference(made("V3's blocks"), band=5_000), images(1, 37, 26, 3)
    y, compute, calls = fast.forward(x), BandedBlock._project, []

    def failing(self, band, *arrays):
        calls.append(band)
        if len(calls) == 4:
            raise MemoryError("of a band")
        compute(self, band, *arrays)

    with monkeypatch.context() as patched:
        patched.setattr(BandedBlock, "_project", failing)
        with pytest.raises(MemoryError, match="of a band"):
            fast.forward(x)
    assert np.array_equal(fast.forward(x), y)


def in_bands(fast):
    """The blocks that were prepared, by name."""
    return {name: block for name, block in fast._blocks.items() if block is not None}


def test_blocks_are_really_computed_in_bands():
    network = made("keras")
    fast = Inference(network, band=5_000)
    fast.forward(images(2, 37, 26, 3))
    assert list(in_bands(fast)) == network.blocks
    first = in_bands(fast)["block_2"].bands  # stride 2, on a map of 19×13
    assert len(first) > 4
    assert [band.rows.stop - band.rows.start for band in first[:2]] == [first[0].rows.stop] * 2
    assert [band.images.start for band in first] == sorted([0, 1] * (len(first) // 2))
    assert max(band.expanded.nbytes for band in first) < 4 * 5_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("v1", ["block_1", "block_2", "block_3"]),
        ("a block alone", [""]),
        ("a separable block alone", [""]),
        ("rows in rows", ["0.1.0"]),
        ("more padding than kernel", ["0"]),
        ("depth multiplier", []),
        ("a bottleneck alone", []),
        ("v1, full convolutions", []),
    ],
)
def test_which_blocks_are_computed_in_bands(name, expected):
    fast = Inference(made(name))
    fast.forward(images(1, 20, 30, 3))
    assert list(in_bands(fast)) == expected


def test_what_was_prepared_serves_the_next_images_and_no_result_changes_with_them():
    fast = Inference(made("a block alone"), band=5_000)
    rng = np.random.default_rng(4)
    first, second = (rng.standard_normal((2, 19, 16, 3)).astype(np.float32) for _ in range(2))
    y = fast.forward(first)
    kept, prepared = y.copy(), fast._blocks[""]
    fast.forward(second)
    assert fast._blocks[""] is prepared
    assert np.array_equal(y, kept)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_all_blocks_and_the_bands_of_a_share_have_the_same_buffers_and_other_shares_none_of_them(number, use):
    use(number)
    fast = Inference(Sequential(InvertedResidual(4, 4), InvertedResidual(4, 4)), band=5_000)
    fast.forward(images(1, 19, 16, 4))
    first, second = (block.shares for block in in_bands(fast).values())
    assert len(first) == len(second) == number
    assert first[0][0].expanded.size < first[0][1].expanded.size  # which has neighbours on both sides
    for name in ("inside", "expanded", "filtered"):
        buffers = [getattr(band, name) for band in (first[0][0], first[0][1], second[0][0])]
        assert all(np.shares_memory(buffers[0], each) for each in buffers)
        others = [getattr(band, other) for share in first[1:] for band in share for other in ("inside", "filtered")]
        assert not any(np.shares_memory(buffers[0], each) for each in others)


def test_images_of_other_shapes_can_follow_one_another():
    network = made("torchvision")
    fast, folded = Inference(network, band=5_000), network.folded()
    for shape in ((1, 37, 26, 3), (2, 37, 26, 3), (2, 50, 61, 3), (1, 37, 26, 3), (4, 16, 16, 3)):
        np.testing.assert_allclose(fast.forward(images(*shape)), folded.forward(images(*shape)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda fast: pickle.loads(pickle.dumps(fast))], ids=["copy", "pickle"])
def test_a_copy_is_as_good_and_has_buffers_of_its_own(twin):
    fast = Inference(made("keras"), band=5_000)
    x = images(1, 37, 26, 3)
    y, other = fast.forward(x), fast.forward(x[:, ::-1])
    again = twin(fast)
    assert np.array_equal(again.forward(x), y)
    assert np.array_equal(fast.forward(x[:, ::-1]), other)
    for mine, its in zip(in_bands(fast).values(), in_bands(again).values(), strict=True):
        assert not np.shares_memory(mine.bands[0].filtered, its.bands[0].filtered)


def test_other_dtypes_give_what_the_layers_give():
    network = made("keras")
    x = images(1, 20, 30, 3).astype(np.float64)
    fast, folded = Inference(network), network.folded()
    assert fast.forward(x.astype(np.float32)).dtype == np.float32
    assert fast.forward(x).dtype == folded.forward(x).dtype == np.float64
    np.testing.assert_allclose(fast.forward(x), folded.forward(x), rtol=1e-10)
    double = Sequential(InvertedResidual(3, 3, batch_norm=None, dtype=np.float64))
    for given in (x, x.astype(np.float32)):
        y = Inference(double, band=4_000).forward(given)
        assert y.dtype == np.float64
        np.testing.assert_allclose(y, double.forward(given), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("band", [3_000, 10**8])
def test_gates_of_float16_come_from_sums_that_float16_could_not_hold(band):
    block = InvertedResidual(3, 4, expanded=6, activation="relu", squeeze=3, batch_norm=None, dtype=np.float16)
    for a in block.params.values():
        a[...] = np.abs(a)
    block.params["squeeze_excite.reduce"][...] /= 32  # so that no gate is 1
    x = 4 * np.abs(images(2, 90, 80, 3)).astype(np.float16)
    y = block.forward(x)
    np.testing.assert_allclose(Inference(block, band=band).forward(x), y, rtol=4e-3, atol=4e-3 * np.abs(y).max())


def test_later_learning_has_no_effect_and_nothing_is_remembered():
    network = made("keras")
    x = images(1, 20, 30, 3)
    fast = Inference(network)
    y = fast.forward(x)
    for a in network.params.values():
        a += 1
    assert np.array_equal(fast.forward(x), y)
    assert all(leaf._saved is None for leaf in fast._network.leaves())


def test_it_needs_the_memory_of_the_narrow_volumes_and_its_bands():
    network = mobilenet_v2(1.0, 7, rows=(Row(1, 16, 1, 1), Row(6, 24, 2, 2)), last_channels=16)
    x = images(1, 320, 288, 3)
    wide = 4 * 160 * 144 * 96  # what the second block expands to; its input and output are a quarter of it
    peaks = {}
    for name, run in (("fast", Inference(network).forward), ("folded", network.folded().forward)):
        tracemalloc.start()
        run(x)  # the first one, which makes the buffers
        peaks[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks["fast"] < 1.2 * wide
    assert peaks["folded"] > 2 * wide


def test_memory_is_kept(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "keep_memory", lambda: asked.append(True))
    Inference(made("small"))
    assert asked == [True]


@pytest.mark.parametrize(
    ("axis", "outputs"),
    [
        (Axis(9, 3, 2, 1, 1, 1), slice(0, 2)),
        (Axis(9, 3, 1, 2, 2, 2), slice(3, 7)),
        (Axis(8, 3, 2, 1, 0, 1), slice(2, 4)),
        (Axis(7, 5, 1, 1, 2, 2), slice(0, 7)),
        (Axis(5, 3, 1, 1, 4, 4), slice(0, 1)),  # padding alone, in front
        (Axis(5, 3, 1, 1, 4, 4), slice(10, 11)),  # and behind
        (Axis(5, 3, 2, 1, 7, 6), slice(1, 3)),
        (Axis(2, 3, 1, 2, 5, 6), slice(0, 9)),  # all of both
    ],
)
def test_a_part_of_an_axis_reads_what_the_whole_reads_there(axis, outputs):
    rows = np.pad(np.arange(1, axis.input + 1), (axis.before, axis.after))
    read, whole = part_of(Geometry(1, axis, axis), slice(1), outputs)
    part = whole.height
    padded = np.pad(np.arange(1, axis.input + 1)[read], (part.before, part.after))
    assert part.output == outputs.stop - outputs.start
    assert min(part.before, part.input, part.after) >= 0
    assert part.padded == read_by(axis, outputs).stop - read_by(axis, outputs).start
    assert [[padded[i] for i in taps] for taps in part.positions] == [
        [rows[i] for i in taps] for taps in axis.positions[outputs]
    ]


def test_what_is_refused():
    with pytest.raises(TypeError, match="Inference: network must be a Sequential or Composite; got Conv2D"):
        Inference(Conv2D(3, 4))
    with pytest.raises(TypeError, match="Inference: band must be an int; got True"):
        Inference(made("small"), band=True)
    with pytest.raises(ValueError, match="Inference: band must be at least 1; got 0"):
        Inference(made("small"), band=0)
    with pytest.raises(TypeError, match=r"Inference\.forward: x must be an ndarray of real numbers; got list"):
        Inference(made("small")).forward([[0.0]])
    with pytest.raises(ValueError, match=r"conv2d: .*got x \(1, 20, 30, 4\)"):
        Inference(made("small")).forward(images(1, 20, 30, 4))


@pytest.mark.parametrize("shape", [(1, 6, 5, 4), (6, 5, 3), (1, 0, 5, 3), (0, 6, 5, 3)])
@pytest.mark.parametrize(
    ("network", "kernel"),
    [
        (InvertedResidual(3, 4), "pointwise_conv2d"),
        (Sequential(DepthwiseSeparable(3, 4)), "depthwise_conv2d"),
    ],
    ids=["inverted residual", "separable"],
)
def test_errors_are_those_of_the_networks_own_forward(network, kernel, shape):
    with pytest.raises(ValueError, match=f"^{kernel}: ") as expected:
        network.forward(images(*shape))
    with pytest.raises(ValueError, match=f"^{kernel}: ") as error:
        Inference(network).forward(images(*shape))
    assert str(error.value) == str(expected.value)


def test_a_shortcut_that_does_not_fit_is_refused_as_by_the_network():
    with pytest.raises(ValueError, match=r"^InvertedResidual: at stride 1 with k = k′ the shortcut is added"):
        Inference(InvertedResidual(3, 3, padding="valid")).forward(images(1, 6, 5, 3))


class Halved(InvertedResidual):
    """A block with a forward of its own."""

    def forward(self, x, training=False):
        return super().forward(x, training) / 2


class Same(Layer):
    """A layer that hands its input on."""

    def forward(self, x, training=False):
        return x[:]


def test_layers_of_ones_own_are_run_as_they_are():
    x = images(2, 9, 7, 3)
    before = x.copy()
    network = Sequential(Same(), ReLU6(), Halved(3, 3), ReLU6())
    np.testing.assert_allclose(Inference(network).forward(x), network.forward(x), rtol=1e-5, atol=1e-6)
    assert np.array_equal(x, before)


def test_images_may_lie_in_memory_as_they_like():
    network = made("torchvision")
    x = images(2, 26, 30, 3)
    y = Inference(network).forward(x)
    turned = np.ascontiguousarray(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)  # as from channels first
    np.testing.assert_allclose(Inference(network).forward(turned), y, rtol=1e-5, atol=1e-5)
    block = Sequential(InvertedResidual(3, 4))
    np.testing.assert_allclose(Inference(block).forward(turned), block.forward(x), rtol=1e-5, atol=1e-6)


def test_what_is_no_image_is_refused_under_its_own_name():
    fast = Inference(made("keras"))
    with pytest.raises(TypeError, match=r"Inference\.forward: x must be .* of real numbers; got dtype complex"):
        fast.forward(images(1, 9, 8, 3) * 1j)
    with pytest.raises(
        ValueError, match=r"Inference.forward: x must be .*channels last; got \(1, 3, 9, 8\); .*transpose"
    ):
        fast.forward(images(1, 3, 9, 8))


def test_two_threads_at_once_are_refused_and_one_after_another_are_not():
    network, x = made("keras"), images(1, 20, 30, 3)
    fast, inside, go_on = Inference(network), threading.Event(), threading.Event()

    class Waiting(Layer):
        def forward(self, y, training=False):
            inside.set()
            go_on.wait(10)
            return y

    slow = Inference(Sequential({"wait": Waiting(), "network": network}))
    slow._network.layers["wait"].forward = Waiting().forward
    first = threading.Thread(target=slow.forward, args=(x,))
    first.start()
    inside.wait(10)
    with pytest.raises(RuntimeError, match=r"Inference\.forward: another thread is in here"):
        slow.forward(x)
    go_on.set()
    first.join()
    np.testing.assert_array_equal(slow.forward(x), fast.forward(x))
    with pytest.raises(ValueError, match="channels last"):
        fast.forward(x[0])
    assert fast.forward(x).shape == (1, 7)  # an error leaves the door open


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_process_forked_while_a_thread_is_inside_is_not_kept_out(monkeypatch):
    network, x = made("small"), images(1, 20, 30, 3)
    expected = Inference(network).forward(x)
    fast, inside, go_on = Inference(network), threading.Event(), threading.Event()
    run = Inference._run

    def waiting(self, *arguments):
        inside.set()
        go_on.wait(30)
        return run(self, *arguments)

    monkeypatch.setattr(Inference, "_run", waiting)
    thread = threading.Thread(target=fast.forward, args=(x,))
    thread.start()
    inside.wait(30)
    monkeypatch.undo()
    child = os.fork()
    if child == 0:  # which must end here, whatever happens
        status = 1
        try:
            signal.alarm(20)  # seconds: it ends the process
            status = 0 if np.array_equal(fast.forward(x), expected) and not fast._locks[os.getpid()].locked() else 2
        finally:
            os._exit(status)
    try:
        with pytest.raises(RuntimeError, match="another thread is in here"):
            fast.forward(x)
    finally:
        go_on.set()
        thread.join(30)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0
    assert np.array_equal(fast.forward(x), expected)


def test_forgetting_leaves_no_way_back():
    network = made("small")
    y = network.forward(images(1, 20, 30, 3))
    network.forget()
    assert all(leaf._saved is None for leaf in network.leaves())
    with pytest.raises(RuntimeError, match="there was no forward"):
        network.backward(y)


def test_the_widest_volume_sets_the_bands():
    network = made("keras")
    x = images(1, 37, 26, 3)
    counts = []
    for band in (2_000, 20_000, 200_000):
        fast = Inference(network, band=band)
        fast.forward(x)
        counts.append(sum(len(block.bands) for block in in_bands(fast).values()))
    assert counts[0] > counts[1] > counts[2] == len(network.blocks)
    assert 2**16 <= module.BLOCK_BAND <= 2**22  # some of a core's cache
