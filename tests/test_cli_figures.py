"""`npconv figures` with sizes: each figure takes those that its builder has, and refuses the others by name."""

import inspect

import pytest

from npconv import cli
from npconv.cli.figures import builder_arguments
from npconv.figures import ANIMATIONS, BUILDERS, standard_convolution
from npconv.figures.files import picture_bytes

LAYER = "--input --kernel --out-channels --stride --padding --dilation --seed"
NETWORK = "--width --resolution --classes"
TAKES = {
    "standard-convolution": LAYER,
    "functional-view": LAYER,
    "per-channel-view": LAYER,
    "per-channel-photograph": "",
    "depthwise-separable": "--input --kernel --out-channels --depth-multiplier --stride --padding --dilation --seed",
    "separable-example": "--input --kernel --out-channels --stride --padding --seed",
    "cost-ratio": "--kernel --out-channels --depth-multiplier",
    "predicted-and-measured": "",
    "separability": "--kernel --out-channels --seed",
    "relu-information-loss": "--seed",
    "bottleneck-table": "--input --kernel --out-channels --stride --padding --dilation --expansion --seed",
    "inverted-residual-maps": "--out-channels --stride --expansion --seed",
    "linear-bottleneck-training": "",
    "residual-blocks": "--input --kernel --out-channels --stride --padding --dilation --expansion --seed",
    "mobilenet-v2-table": NETWORK,
    "cost-by-layer": NETWORK,
    "backward-taps": LAYER,
    "feature-subspaces": "",
    "gradient-flow": "",
    "transposed-convolution": "--input --kernel --out-channels --stride",
    "checkerboard": "--kernel --stride --seed",
    "dilated-convolution": "--kernel",
    "spatially-separable": "--kernel",
    "channel-shuffle": "",
    "convolution-3d": "--input --kernel --out-channels --seed",
    "hard-swish": "",
    "squeeze-excite": "--seed",
    "mobilenet-v3-table": NETWORK,
    "ssdlite": NETWORK,
    "matching": "",
    "non-maximum-suppression": "",
    "detections": "",
    "atrous-receptive-field": "--resolution",
    "lr-aspp": NETWORK,
    "deeplab": NETWORK,
    "segmentation": "",
}


@pytest.mark.parametrize("name", BUILDERS)
def test_a_figure_takes_the_sizes_of_its_builder_and_names_them(name):
    with pytest.raises(ValueError, match="takes no --nosuch; it takes") as error:
        builder_arguments(name, BUILDERS[name], {"nosuch": 1})
    assert str(error.value).rpartition("it takes ")[2] == (", ".join(TAKES[name].split()) or "no sizes")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("standard-convolution --input 5 6 2", {"x": (1, 5, 6, 2), "kernel": (3, 3, 2, 4)}),
        ("backward-taps --kernel 2 3 --out-channels 5", {"x": (1, 5, 7, 2), "kernel": (2, 3, 2, 5)}),
        ("functional-view --stride 2 --padding 1 0", {"stride": (2, 2), "padding": (1, 0)}),
        ("per-channel-view --padding same --seed 3", {"padding": "same", "seed": 3}),
        (
            "depthwise-separable --input 5 6 2 --depth-multiplier 3 --out-channels 7",
            {"x": (1, 5, 6, 2), "depthwise": (3, 3, 6), "pointwise": (6, 7)},
        ),
        (
            "depthwise-separable --kernel 1 2 --dilation 2",
            {"x": (1, 7, 7, 3), "depthwise": (1, 2, 3), "pointwise": (3, 4), "dilation": (2, 2)},
        ),
        (
            "separable-example --input 5 6 2 --kernel 2 --out-channels 9",
            {"x": (1, 5, 6, 2), "kernel": (2, 2), "out_channels": 9},
        ),
        (
            "cost-ratio --kernel 2 5 --out-channels 4 64 --depth-multiplier 3",
            {"kernel_sizes": (2, 5), "out_channels": (4, 64), "depth_multipliers": (3,)},
        ),
        (
            "convolution-3d --input 5 6 2 --kernel 2 4 --out-channels 5",
            {"x": (1, 7, 5, 6, 2), "kernel": (3, 2, 4, 2, 5)},
        ),
        ("checkerboard --kernel 2 3 4 --stride 1 2", {"kernel_sizes": (2, 3, 4), "strides": (1, 2)}),
        ("dilated-convolution --kernel 5", {"kernel_size": 5}),
        ("separability --kernel 2 --out-channels 4", {"kernel_size": 2, "out_channels": (4,)}),
        (
            "bottleneck-table --input 9 8 10 --kernel 5 --out-channels 7",
            {"x": (1, 9, 8, 10), "expand": (10, 60), "depthwise": (5, 5, 60), "project": (60, 7)},
        ),
        (
            "bottleneck-table --expansion 1",
            {"x": (1, 56, 56, 24), "expand": None, "depthwise": (3, 3, 24), "project": (24, 32)},
        ),
        (
            "residual-blocks --input 9 8 40 --kernel 5 3 --expansion 2",
            {
                "x": (1, 9, 8, 256), "reduce": (256, 64), "spatial": (5, 3, 64, 64), "restore": (64, 256),
                "narrow": (1, 9, 8, 40), "expand": (40, 80), "depthwise": (5, 3, 80), "project": (80, 24),
            },
        ),
        ("inverted-residual-maps --expansion 2 --out-channels 8", {"expansion": 2, "out_channels": 8}),
        (
            "cost-by-layer --width 0.5 --resolution 96 160 --classes 2",
            {"width": 0.5, "resolution": (96, 160), "classes": 2},
        ),
    ],
)  # fmt: skip
def test_options_become_the_builders_arguments(words, expected, monkeypatch):
    name, drawn = words.split()[0], {}
    signature = inspect.signature(BUILDERS[name])

    def build(**given):
        drawn.update(given)
        raise KeyboardInterrupt

    build.__signature__ = signature
    monkeypatch.setitem(BUILDERS, name, build)
    assert cli.main(["figures", *words.split()]) == 130
    assert drawn == expected
    signature.bind(**drawn)


def test_a_figure_and_its_animation_are_drawn_with_the_sizes(tmp_path, capsys):
    words = "--input 4 5 1 --kernel 2 3 --out-channels 2 --stride 1 2 --seed 7"
    assert cli.main(["figures", "standard-convolution", "functional-view", *words.split(), "--out", str(tmp_path)]) == 0
    sizes = {"x": (1, 4, 5, 1), "kernel": (2, 3, 1, 2), "stride": (1, 2), "seed": 7}
    figure = standard_convolution(**sizes)
    assert (tmp_path / "standard-convolution.svg").read_bytes() == picture_bytes(figure)
    assert cli.main(["figures", "functional-view", *words.split(), "--animate", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    frames = ANIMATIONS["functional-view"](**sizes)
    assert f"functional-view in {len(frames)} steps".encode() in (tmp_path / "functional-view.gif").read_bytes()
    assert len(frames) == 3 * 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("standard-convolution --input 40 40 2", "40 rows or columns can't be drawn"),
        ("standard-convolution --input 1000000 1000000 1000000", "--input must have at most"),
        ("standard-convolution --out-channels 1000000", "--kernel must have at most"),
        ("standard-convolution --out-channels 3 4", "--out-channels takes one number for standard-convolution; got 2"),
        ("standard-convolution --kernel 1 2 3", "--kernel takes one number, or two for height and width; got 3"),
        ("cost-by-layer --resolution 1 2 3", "--resolution takes one number, or two for height and width; got 3"),
        ("standard-convolution cost-ratio --kernel 3 --stride 2", "cost-ratio takes no --stride; it takes --kernel, "),
        ("gradient-flow --seed 1 --width 1", "gradient-flow takes no --seed and no --width; it takes no sizes"),
        ("cost-ratio --out-channels 64 4", "--out-channels must be two or more in growing order; got (64, 4)"),
        ("separability --kernel 3 2", "--kernel takes one number for separability; got 2"),
        ("residual-blocks --expansion 1000000", "--expansion must have at most"),
        ("bottleneck-table --kernel 5000", "--kernel must have at most"),
        ("--seed 3", "sizes go with the NAME of a figure; got --seed"),
    ],
)
def test_sizes_that_cannot_be_drawn_are_refused_in_the_options_words(words, message, capsys):
    assert cli.main(["figures", *words.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"npconv figures: {message}"), error
    assert error.count("\n") == 1
