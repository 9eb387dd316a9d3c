"""The claims about grouped convolutions, their shuffle, and the units that are made of them."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

import npconv

from ...checks import channels_read
from ...cost import conv2d_cost, depthwise_conv2d_cost, grouped_conv2d_cost, pointwise_conv2d_cost
from ...kernels.geometry import Array
from ...text import listed
from ..cases import whole
from ..table import Finding, claim, finding

GROUPED = "Grouped Convolution"
SHUFFLED = "Shuffled Grouped Convolution"
POINTWISE = "Pointwise Grouped Convolution"


@claim(GROUPED, "holds", "cost.grouped_conv2d_cost cost.conv2d_cost")
def bai_two_groups_halve_the_parameters() -> Finding:
    """Two groups have half the parameters of a standard convolution: h·w·(D/2)·(N/2)·2."""
    ratios = {}
    for groups in (1, 2, 4, 8):
        grouped = grouped_conv2d_cost((1, 9, 8, 16), (3, 2, 16 // groups, 24), groups=groups)
        standard = conv2d_cost((1, 9, 8, 16), (3, 2, 16, 24))
        ratios[groups] = Fraction(grouped.params, standard.params), Fraction(grouped.macs, standard.macs)
    return finding(
        all(each == (Fraction(1, groups),) * 2 for groups, each in ratios.items()),
        f"3×2 filters, 16 to 24 channels: {listed([str(ratio) for ratio, _ in ratios.values()])} of the parameters in "
        f"{listed([*ratios])} groups, and of the multiplications",
    )


@claim(GROUPED, "holds", "grouped_conv2d depthwise_conv2d_taps")
def bai_as_many_groups_as_channels() -> Finding:
    """With as many groups as channels the filters have depth 1, as in a depthwise convolution."""
    x, kernel = whole(0, 2, 6, 5, 4), whole(1, 3, 3, 1, 8)
    grouped = npconv.grouped_conv2d(x, kernel, groups=4)
    depthwise = npconv.depthwise_conv2d_taps(x, kernel[:, :, 0])
    return finding(np.array_equal(grouped, depthwise), "4 channels, 8 filters, on whole numbers: they are equal")


@claim(SHUFFLED, "holds", "channel_shuffle channel_shuffle_backward", "channel-shuffle")
def bai_the_shuffle_takes_from_each_group_in_turn() -> Finding:
    """The shuffle makes g rows of n channels and reads them by columns: 1 1 1 2 2 2 becomes 1 2 1 2 1 2."""
    holds, lines = True, []
    for g, n in ((2, 3), (3, 4)):
        channels = np.arange(g * n, dtype=np.int64).reshape(1, 1, 1, g * n)
        shuffled = npconv.channel_shuffle(channels, groups=g)
        holds &= np.array_equal(shuffled.ravel(), channels.reshape(g, n).T.ravel())
        holds &= np.array_equal(npconv.channel_shuffle(shuffled, groups=n), channels)
        holds &= np.array_equal(npconv.channel_shuffle_backward(shuffled, channels, groups=g), channels)
        lines.append(f"g = {g}, n = {n}: {' '.join(map(str, shuffled.ravel()))}")
    return finding(holds, "; ".join(lines), "back again by a shuffle with g and n exchanged, which backward does")


@claim(
    SHUFFLED,
    "holds if a group has at least as many channels as there are groups: 3 groups of 2 channels read 2 groups each",
    "grouped_conv2d channel_shuffle shuffled_grouped_conv2d checks.channels_read",
    "channel-shuffle",
)
def bai_the_shuffle_lets_groups_meet() -> Finding:
    """Without a shuffle the outputs of grouped layers depend on their own group only; with it groups mix."""
    layers = npconv.grouped_conv2d, npconv.shuffled_grouped_conv2d
    met = {(g, n): [_groups_read(layer, g, n) for layer in layers] for g, n in ((2, 3), (3, 3), (3, 2))}
    x, kernel = whole(0, 1, 4, 3, 6), whole(1, 3, 3, 3, 6)
    shuffled = npconv.channel_shuffle(npconv.grouped_conv2d(x, kernel, groups=2), groups=2)
    equal = np.array_equal(npconv.shuffled_grouped_conv2d(x, kernel, groups=2), shuffled)
    return finding(
        equal and all(each == [1, min(g, n)] for (g, n), each in met.items()),
        *(
            f"{g} groups of {n} channels: behind two layers a channel reads {apart} of them, with the shuffle {mixed}"
            for (g, n), (apart, mixed) in met.items()
        ),
        condition="a group has at least as many channels as there are groups: 3 groups of 2 channels read "
        f"{met[3, 2][1]} groups each",
    )


@claim(POINTWISE, "holds", "cost.pointwise_conv2d_cost cost.grouped_conv2d_cost")
def bai_pointwise_layers_are_most_of_a_unit() -> Finding:
    """In a ResNeXt unit the 1×1 convolutions have 93.4 % of the multiplications."""
    x, wide = (1, 14, 14, 256), (1, 14, 14, 128)
    pointwise = pointwise_conv2d_cost(x, (256, 128)).macs + pointwise_conv2d_cost(wide, (128, 256)).macs
    spatial = grouped_conv2d_cost(wide, (3, 3, 128 // 32, 128), groups=32, padding="same").macs
    share = Fraction(pointwise, pointwise + spatial)
    return finding(
        f"{100 * float(share):.1f}" == "93.4",
        f"256 – 128 – 256 channels, 32 groups: {share} = {100 * float(share):.2f} %",
    )


@claim(
    POINTWISE,
    "holds",
    "cost.pointwise_conv2d_cost cost.conv2d_cost cost.grouped_conv2d_cost cost.depthwise_conv2d_cost",
)
def bai_units_with_grouped_pointwise_layers() -> Finding:
    """A ShuffleNet unit costs hw(2cm/g + 9m), where ResNeXt's costs hw(2cm + 9m²/g) and ResNet's hw(2cm + 9m²)."""
    c, m, holds, lines = 240, 60, True, []
    wide, narrow = (1, 1, 1, c), (1, 1, 1, m)
    apart = pointwise_conv2d_cost(wide, (c, m)).macs + pointwise_conv2d_cost(narrow, (m, c)).macs
    resnet = apart + conv2d_cost(narrow, (3, 3, m, m), padding="same").macs
    for g in (2, 3, 4):
        options: dict[str, Any] = {"groups": g, "padding": "same"}
        resnext = apart + grouped_conv2d_cost(narrow, (3, 3, m // g, m), **options).macs
        grouped = grouped_conv2d_cost(wide, (1, 1, c // g, m), **options).macs
        grouped += grouped_conv2d_cost(narrow, (1, 1, m // g, c), **options).macs
        shuffle = grouped + depthwise_conv2d_cost(narrow, (3, 3, m), padding="same").macs
        holds &= (g * shuffle, g * resnext) == (2 * c * m + 9 * m * g, 2 * c * m * g + 9 * m * m)
        holds &= shuffle < resnext < resnet == 2 * c * m + 9 * m * m
        lines.append(f"g = {g}: {shuffle:,}, {resnext:,}")
    return finding(holds, f"c = 240, m = 60, at each place: {'; '.join(lines)}; ResNet {resnet:,}")


def _groups_read(first: Callable[..., Array], groups: int, channels: int) -> int:
    """How many groups of the input's channels a channel behind two grouped layers reads, at most."""
    kernel = np.ones((1, 1, channels, groups * channels))

    def layers(x: Array) -> Array:
        return npconv.grouped_conv2d(first(x, kernel, groups=groups), kernel, groups=groups)

    read = channels_read(layers, (1, 1, 1, groups * channels)).reshape(-1, groups, channels)
    return int(read.any(axis=2).sum(axis=1).max())
