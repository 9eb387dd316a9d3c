"""SSDLite: the papers' tables to the last digit, its files, what it refuses, and what it finds."""

import json
import sys

import numpy as np
import pytest
from ssdlite_guards import BOXES, detector, images, network, with_random_numbers
from undrawn import undrawn

from npconv.detection import DefaultBoxes, detections, tensorflow_boxes
from npconv.models import (
    MobileNet,
    deeplab_v3,
    kernel_weights,
    lr_aspp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    multi_task,
    read_network,
    ssdlite,
    summary,
)

MODULE = sys.modules["npconv.models.ssdlite"]


def narrow(width):
    return {"extras": [int(channels * width) for channels in (512, 256, 256, 128)]}


def counted(detector, parts=None):
    """Weights without biases and normalisation, and MACs at 320×320, of some parts or all."""
    cost = detector.cost((1, 320, 320, 3))
    names = [name for name in detector.layers if parts is None or name.startswith(parts)]
    return sum(kernel_weights(detector.layers[name]) for name in names), sum(cost.parts[name].macs for name in names)


@pytest.mark.parametrize(
    ("make", "classes", "options", "head", "whole"),
    [  # V2's paper's Tables 5 and 6, with 80 classes; V3's paper's Table 6, with 90
        (mobilenet_v2, 81, {}, (2_093_696, 177_617_344), (4_283_456, 788_830_144)),
        (mobilenet_v2, 91, {}, (2_256_896, 193_184_704), (4_446_656, 804_397_504)),
        (mobilenet_v2, 81, {"heads": "full"}, (14_770_368, 1_259_068_672), (16_960_128, 1_870_281_472)),
        (mobilenet_v1, 81, {}, (1_875_520, 150_558_144), (5_060_608, 1_309_162_944)),
        (mobilenet_v3, 91, {}, (2_015_904, 177_811_904), (4_958_376, 613_143_104)),
        (lambda: mobilenet_v3(reduced_tail=True), 91, {}, (1_610_784, 137_299_904), (3_208_296, 506_563_904)),
        (lambda: mobilenet_v3("small"), 91, {}, (1_575_456, 98_861_504), (2_487_464, 210_417_856)),
        (lambda: mobilenet_v3("small", reduced_tail=True), 91, {}, (1_332_384, 74_554_304), (1_759_976, 162_303_424)),
        (lambda: mobilenet_v2(0.35, last_channels=448), 91, narrow(0.35), None, (926_396, 166_713_786)),
        (lambda: mobilenet_v2(0.5, last_channels=640), 91, narrow(0.5), None, (1_533_392, 272_348_896)),
        (lambda: mobilenet_v2(0.75, last_channels=960), 91, narrow(0.75), None, (2_823_312, 554_054_736)),
    ],
)  # fmt: skip
def test_the_papers_tables(make, classes, options, head, whole):
    with undrawn():
        own = ssdlite(make(), classes, **options)
    assert counted(own) == whole
    assert head is None or counted(own, ("extra", "class", "box")) == head
    assert own.cost((1, 320, 320, 3)).macs == whole[1]
    assert own.output_shape((1, 320, 320, 3)) == (1, 2034, classes + 4)


def test_the_maps_and_extra_layers_of_the_paper():
    own = ssdlite(mobilenet_v2(), 81)
    sizes = [(20, 576), (10, 1280), (5, 512), (3, 256), (2, 256), (1, 128)]
    assert own.map_shapes((2, 320, 320, 3)) == [(2, side, side, channels) for side, channels in sizes]
    assert counted(own, "extra") == (652_352, 38_550_976)
    full = ssdlite(mobilenet_v2(), 2, heads="full", boxes=tensorflow_boxes(ratios=(1,), three_in_first=False))
    assert counted(full, "extra") == (2_285_568, 68_165_632)
    assert own.output_shape((1, 300, 300, 3)) == (1, 1917, 85)


def test_torchvisions_parameters_and_macs():
    own = ssdlite(mobilenet_v3(conventions="torchvision", reduced_tail=True), 91, boxes="torchvision")
    cost = own.cost((1, 320, 320, 3))
    assert (cost.params, cost.macs) == (3_440_060, 583_171_904)
    assert cost.output_shape == (1, 3234, 95)
    assert sum(cost.parts[name].params for name in ("network", *own.extras)) == 2_072_672


def test_the_digits_network():
    rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 2), (6, 64, 2, 1))
    base = mobilenet_v2(rows=rows, in_channels=1, stem_channels=16, last_channels=128)
    boxes = DefaultBoxes((((0.18, 0.6), (0.24, 0.6)), ((0.3, 0.6), (0.38, 0.6))))
    own = ssdlite(base, 11, extras=(), boxes=boxes)
    assert own.options.first == "block_4.expand_relu6"
    assert own.map_shapes((1, 64, 64, 1)) == [(1, 16, 16, 144), (1, 8, 8, 128)]
    assert own.anchors((64, 64)).shape == (640, 4)
    assert (sum(a.size for a in own.params.values()), own.cost((1, 64, 64, 1)).macs) == (137_436, 14_545_920)


def test_the_first_map_may_be_any_layers():
    own = detector_with(first=4)
    assert own.options.first == "block_2"
    for first in ("block_1", "stem", "block_2.depthwise_norm", "block_4"):
        own = detector_with(first=first)
        assert np.array_equal(
            own.map_shapes((1, 32, 48, 2))[0], own.network.feature_shapes((1, 32, 48, 2), [first])[first]
        )
        assert own.forward(images()).shape == own.output_shape(images().shape)


def detector_with(**options):
    return ssdlite(network(), 3, **{"extras": (6, 4), "boxes": BOXES, **options})


def test_what_is_found_is_what_detections_find():
    own, x = with_random_numbers(detector_with(), 2), images()
    logits, codes = own.split(own.forward(x))
    assert logits.shape == (3, 274, 3)
    assert codes.shape == (3, 274, 4)
    found = own.detect(x, score_threshold=0.4)
    expected = detections(logits, codes, own.anchors((32, 48)), (32, 48), score_threshold=0.4)
    assert len(found) == len(expected) == 3
    assert any(len(each.boxes) for each in found)
    for mine, theirs in zip(found, expected, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            assert np.allclose(a, b, rtol=0, atol=1e-8)


def test_the_summary_has_the_costs_and_a_row_for_what_is_set_side_by_side():
    own = detector_with()
    told, cost = summary(own, (2, 32, 48, 2)), own.cost((2, 32, 48, 2))
    assert (told.macs, told.params, told.total("additions")) == (cost.macs, cost.params, cost.additions)
    assert told.output_shape == cost.output_shape == (2, 274, 7)
    assert told.statistics == sum(a.size for a in own.state.values())
    for kind in ("extra", "class", "box"):
        assert told.by_kind()[kind] == sum(cost.parts[name].macs for name in cost.parts if name.startswith(kind))
    assert [row.name for row in told.rows][-2:] == ["box_4.pointwise", "join"]
    assert "class_1  " in told.as_text("block")
    assert "network.block_3  " in told.as_text("block")


# files


NETWORKS = {
    "ssdlite": lambda: detector(MODULE),
    "full heads, folded": lambda: detector(MODULE, heads="full", first="block_2.depthwise_norm").folded(),
    "ssdlite on a folded network": lambda: with_random_numbers(detector_with_folded()),
    "both folded": lambda: with_random_numbers(detector_with_folded()).folded(),
    "lr_aspp": lambda: with_random_numbers(lr_aspp(network(), 3, 6, low="block_2.depthwise")),
    "lr_aspp, folded": lambda: with_random_numbers(lr_aspp(network(), 3, low=4, high="block_4.expand_relu6")).folded(),
    "deeplab_v3 on a folded network": lambda: with_random_numbers(deeplab_v3(network().folded(), 3, rates=(2, 3))),
    "deeplab_v3": lambda: deeplab_v3(mobilenet_v3("small", 0.35, 3, output_stride=8), 3, refine=True, align="corners"),
    "multi_task": lambda: with_random_numbers(both_on(network())),
    "multi_task, folded": lambda: with_random_numbers(both_on(network(), dtype=np.float32)).folded(),
    "multi_task on a folded network": lambda: with_random_numbers(both_on(network().folded())),
    "v1": lambda: mobilenet_v1(0.1, 3, padding=((0, 1), (1, 0)), output_stride=16),
    "v2, float64": lambda: with_random_numbers(network(batch_norm={"momentum": 0.5})),
    "v2, folded": lambda: with_random_numbers(network()).folded(),
    "v3": lambda: mobilenet_v3("small", 0.35, 3, minimalistic=True, conventions="timm", hidden_channels=16),
    "a detector's network": lambda: detector_with().network,
    "a folded detector's network": lambda: detector_with().folded().network,
}


def both_on(base, **options):
    return multi_task(ssdlite(base, 3, extras=(6, 4), boxes=BOXES), lr_aspp(base, 5, low=4, **options))


def detector_with_folded():
    return ssdlite(network().folded(), 3, extras=(6, 4), boxes=BOXES)


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_file_alone_gives_the_network(make, tmp_path):
    own = make()
    own.save(tmp_path / "network.npz")
    read = read_network(tmp_path / "network.npz")
    assert type(read) is type(own)
    assert list(read.arrays()) == list(own.arrays())
    for name, a in own.arrays().items():
        assert np.array_equal(a, read.arrays()[name])
        assert read.arrays()[name].dtype == a.dtype
    channels = getattr(own, "network", own).in_channels
    x = np.random.default_rng(0).standard_normal((2, 40, 48, channels)).astype(np.float32)
    assert np.array_equal(read.forward(x), own.forward(x))
    read.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "network.npz").read_bytes()
    own.load(tmp_path / "network.npz")


def test_a_file_without_a_specification_is_loaded_into_a_network_like_it(tmp_path):
    own, other = with_random_numbers(network()), network()
    np.savez(tmp_path / "old.npz", conventions=np.array("keras"), **own.arrays())  # as it was written before
    other.load(tmp_path / "old.npz")
    assert all(np.array_equal(a, other.arrays()[name]) for name, a in own.arrays().items())
    with pytest.raises(ValueError, match=r"read_network: .*old\.npz must hold a specification.*MobileNet\.load"):
        read_network(tmp_path / "old.npz")


def changed(path, **arrays):
    """A file with other members; None leaves one out."""
    with np.load(path) as file:
        members = dict(file) | arrays
    np.savez(path, **{name: a for name, a in members.items() if a is not None})


def respecified(path, change):
    """A file with another specification."""
    with np.load(path) as file:
        told = json.loads(str(file["specification"]))
    change(told)
    changed(path, specification=np.array(json.dumps(told)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:500]), r"is no \.npz file of plain arrays"),
        (lambda path: path.write_text("no archive"), r"is no \.npz file of plain arrays"),
        (lambda path: changed(path, specification=None), "must hold a specification"),
        (lambda path: changed(path, specification=np.array("{")), "has a specification that can't be built"),
        (lambda path: changed(path, specification=np.array("[1]")), "has a specification that can't be built"),
        (lambda path: changed(path, specification=np.zeros(3)), "has a specification that can't be built"),
        (lambda path: changed(path, **{"extra_1.reduce.kernel": None}), r"missing extra_1\.reduce\.kernel \(16, 3\)"),
        (lambda path: changed(path, more=np.zeros(3)), r"left over more \(3,\)"),
        (lambda path: changed(path, **{"class_1.pointwise.bias": np.zeros(5)}), r"class_1\.pointwise\.bias must be"),
        (lambda path: respecified(path, lambda told: told.update(builder="unet")), "got 'unet'"),
        (lambda path: respecified(path, lambda told: told["network"].update(builder="resnet")), "got 'resnet'"),
        (lambda path: respecified(path, lambda told: told["network"].update(builder="ssdlite")), "got 'ssdlite'"),
        (lambda path: respecified(path, lambda told: told["arguments"].update(classes=1)), "classes must be at least"),
        (lambda path: respecified(path, lambda told: told["arguments"].update(colour=1)), "colour"),
        (lambda path: respecified(path, lambda told: told["arguments"].update(boxes=[1])), "can't be built"),
        (lambda path: respecified(path, lambda told: told.pop("folded")), "folded"),
        (lambda path: respecified(path, lambda told: told["network"].update(layers=7)), "can't be built"),
        (lambda path: respecified(path, lambda told: told["network"]["arguments"].update(rows=[[1, 8, 1]])), "rows"),
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_file_is_refused_by_what_is_wrong(damage, message, tmp_path):
    path = tmp_path / "network.npz"
    detector_with().save(path)
    damage(path)
    with pytest.raises(ValueError, match=rf"read_network: .*network\.npz.*{message}|network\.npz {message}"):
        read_network(path)


def test_a_file_of_another_network_changes_nothing(tmp_path):
    own, other = detector_with(), with_random_numbers(ssdlite(network(), 4, extras=(6, 4), boxes=BOXES))
    other.save(tmp_path / "other.npz")
    before = {name: a.copy() for name, a in own.arrays().items()}
    with pytest.raises(ValueError, match=r"SSDLite\.load: .*class_1\.pointwise\.kernel must be \(24, 6\)"):
        own.load(tmp_path / "other.npz")
    assert all(np.array_equal(a, before[name]) for name, a in own.arrays().items())
    with pytest.raises(
        ValueError, match=r"MobileNet\.load: .*other\.npz is of a network with heads, and of no MobileNet"
    ):
        network().load(tmp_path / "other.npz")
    network().save(tmp_path / "mobilenet.npz")
    with pytest.raises(
        ValueError, match=r"SSDLite\.load: .*mobilenet\.npz is of a MobileNet, and of no detector; read"
    ):
        own.load(tmp_path / "mobilenet.npz")
    with pytest.raises(OSError, match="nowhere"):
        read_network(tmp_path / "nowhere.npz")
    with pytest.raises(TypeError, match="read_network: path must be"):
        read_network(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conventions": "torchvision"}, "with conventions 'torchvision' where this one has 'keras'; read_network"),
        ({"first": "block_1"}, "with first 'block_1' where this one has 'block_2'; read_network"),
        ({"boxes": DefaultBoxes(BOXES.cells, relative_to="each")}, "with boxes {.*'each'.* where .*'shorter'"),
        ({"conventions": "keras", "network": "torchvision"}, "with its network's conventions 'torchvision' where"),
    ],
)  # fmt: skip
def test_a_file_whose_arrays_fit_a_detector_that_computes_otherwise_is_refused(options, message, tmp_path):
    own, base = detector_with(first="block_2"), {"conventions": options.pop("network", "keras")}
    other = ssdlite(network(**base), 3, **{"extras": (6, 4), "boxes": BOXES, "first": "block_2"} | options)
    other.save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=rf"SSDLite\.load: .*other\.npz is of another detector, {message}"):
        own.load(tmp_path / "other.npz")


def test_a_damaged_specification_is_named_and_arrays_alone_are_loaded(tmp_path):
    own = detector_with()
    own.save(tmp_path / "other.npz")
    for damaged in (np.array("[]"), np.array("{"), np.zeros(2)):
        changed(tmp_path / "other.npz", specification=damaged)
        with pytest.raises(ValueError, match=r"SSDLite\.load: .*other\.npz has a specification that can't be read: "):
            own.load(tmp_path / "other.npz")
    changed(tmp_path / "other.npz", specification=None)
    own.load(tmp_path / "other.npz")  # arrays alone


# what is refused


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"classes": 1}, ValueError, "ssdlite: classes must be at least 2; got 1"),
        ({"classes": 2.5}, TypeError, "ssdlite: classes must be an int"),
        ({"first": "block_9"}, ValueError, "ssdlite: first: there is no layer 'block_9'; there are stem, .*block_4"),
        ({"first": "pool"}, ValueError, "ssdlite: first: there is no layer 'pool'"),
        ({"first": 64}, ValueError, "ssdlite: first: no block ends at stride 64; blocks end at 2, 4, 8"),
        ({"first": 2.0}, TypeError, "ssdlite: first must be a layer's name or a stride; got 2.0"),
        ({"first": "last_relu6"}, ValueError, "ssdlite: first must be a layer before the last, last_relu6"),
        ({"extras": (6, 0)}, ValueError, r"ssdlite: extras\[1\] must be at least 1; got 0"),
        ({"extras": 6}, TypeError, "ssdlite: extras must be a sequence of ints; got 6"),
        ({"extras": ()}, ValueError, "ssdlite: boxes must have cells for 2 maps; got 4"),
        ({"heads": "thin"}, ValueError, "ssdlite: heads must be one of separable, full; got 'thin'"),
        ({"boxes": "coco"}, ValueError, "ssdlite: boxes must be one of tensorflow, torchvision; got 'coco'"),
        ({"boxes": 3}, ValueError, "ssdlite: boxes must be one of tensorflow, torchvision; got 3"),
        ({"conventions": "slim"}, ValueError, "ssdlite: conventions must be one of"),
        ({"batch_norm": {"decay": 1}}, TypeError, "ssdlite: batch_norm must have options of BatchNorm"),
        ({"seed": -1}, ValueError, "ssdlite: seed"),
        ({"dtype": np.int32}, TypeError, "dtype must be one of real floats"),
    ],
)
def test_wrong_arguments(options, error, message):
    options = {"classes": 3, "extras": (6, 4), "boxes": BOXES, **options}
    with pytest.raises(error, match=message):
        ssdlite(network(), **options)


def test_another_kind_of_network_is_refused():
    with pytest.raises(TypeError, match="ssdlite: network must be a MobileNet; got SSDLite"):
        ssdlite(detector_with(), 3)
    flat = mobilenet_v2(rows=((1, 8, 2, 1),), in_channels=2, stem_channels=8, last_channels=16)
    with pytest.raises(
        ValueError, match="ssdlite: first must be a layer's name, as no block of the network has a stride above 1"
    ):
        ssdlite(flat, 3)
    assert ssdlite(flat, 3, first="block_1", extras=(), boxes="torchvision").options.first == "block_1"


def test_images_that_no_map_has_a_cell_for():
    own = detector_with()
    for call in (
        lambda: own.forward(np.zeros((1, 32, 7, 2))), lambda: own.map_sizes((32, 7)), lambda: own.anchors((7, 32)),
        lambda: own.detect(np.zeros((1, 7, 32, 2))), lambda: own.cost((1, 7, 32, 2)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="images of at least 8×8, the network's stride; got"):
            call()
    assert own.forward(np.zeros((1, 8, 8, 2))).shape == (1, 4 * 2 + 3 + 1 + 2, 7)
    with pytest.raises(
        ValueError, match=r"SSDLite\.forward: x must be \(B, Dᵤ, Dᵤ, 2\), channels last; got \(1, 2, 32, 32\)"
    ):
        own.forward(np.zeros((1, 2, 32, 32)))
    with pytest.raises(ValueError, match=r"SSDLite\.map_sizes: image_size must be \(height, width\); got \(8,\)"):
        own.map_sizes((8,))


def test_gradients_and_outputs_of_other_shapes_are_refused():
    own = detector_with()
    with pytest.raises(RuntimeError, match=r"SSDLite\.backward: there was no forward"):
        own.backward(np.zeros((3, 274, 7)))
    y = own.forward(images())
    with pytest.raises(ValueError, match=r"SSDLite\.backward: dy must be \(3, 274, 7\).*got \(3, 274, 6\)"):
        own.backward(y[..., 1:])
    with pytest.raises(TypeError, match=r"SSDLite\.backward: dy must be"):
        own.backward(list(y))
    with pytest.raises(ValueError, match=r"SSDLite\.split: y must be \(B, A, 7\); got \(3, 274, 6\)"):
        own.split(y[..., 1:])
    own.forget()
    with pytest.raises(RuntimeError):
        own.backward(y)


def test_the_network_keeps_its_features():
    base = mobilenet_v2(rows=((1, 8, 1, 1), (2, 8, 1, 2)), in_channels=2, stem_channels=8, last_channels=16)
    own, x = ssdlite(base, 3, extras=(), boxes="torchvision"), images().astype(np.float32)
    maps = own.network.features(x, (2, 4))
    assert all(np.array_equal(maps[key], a) for key, a in base.features(x, (2, 4)).items())
    own.forward(x)
    dx = own.backward(np.ones(own.output_shape(x.shape), np.float32))
    maps = own.network.features(x, ("block_1", "last_relu6"))
    given = {key: np.ones_like(a) for key, a in maps.items()}
    expected = base.copy()
    expected.features(x, ("block_1", "last_relu6"))
    assert np.array_equal(own.network.features_backward(given), expected.features_backward(given))
    own.forward(x)
    assert np.array_equal(own.backward(np.ones(own.output_shape(x.shape), np.float32)), dx)
    assert isinstance(own.network, MobileNet)
    assert "classifier" not in own.network.layers
