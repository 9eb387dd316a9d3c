"""The counts that were published for the networks, exactly; and where a paper misprints, the right one.

The numbers stand here as their sources print them. A second opinion comes from plain loops over the papers' tables,
which share nothing with the package. The papers' tables, as printed, are claims, which tests/test_article.py tests.
"""

import functools
import math

import pytest
from undrawn import undrawn

from npconv.cost import conv2d_cost
from npconv.models import (
    MOBILENET_V1_ROWS,
    MOBILENET_V2_ROWS,
    MOBILENET_V3_ROWS,
    divisible,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    summary,
)


@functools.cache
def v2(width=1.0, **options):
    return mobilenet_v2(width, **options)


@functools.cache
def v1(width=1.0, **options):
    return mobilenet_v1(width, **options)


def at(network, height, width=None, batch=1):
    return summary(network, (batch, height, width or height, 3))


def truncated(number, digits):
    return math.floor(number * 10**digits) / 10**digits


# ---------------------------------------------------------------------------------------------------------------------
# MobileNetV2

# TF-slim's table of its published weights: width, resolution, MACs in M, parameters in M; and the MACs exactly
PUBLISHED = [
    (1.4, 224, 582, 6.06, 582_195_824),
    (1.3, 224, 509, 5.34, 509_374_560),
    (1.0, 224, 300, 3.47, 300_774_272),
    (1.0, 192, 221, 3.47, 221_316_608),
    (1.0, 160, 154, 3.47, 154_083_200),
    (1.0, 128, 99, 3.47, 99_074_048),
    (1.0, 96, 56, 3.47, 56_289_152),
    (0.75, 224, 209, 2.61, 209_069_792),
    (0.75, 192, 153, 2.61, 153_941_888),
    (0.75, 160, 107, 2.61, 107_295_200),
    (0.75, 128, 69, 2.61, 69_129_728),
    (0.75, 96, 39, 2.61, 39_445_472),
    (0.5, 224, 97, 1.95, 97_131_840),
    (0.5, 192, 71, 1.95, 71_701_760),
    (0.5, 160, 50, 1.95, 50_184_000),
    (0.5, 128, 32, 1.95, 32_578_560),
    (0.5, 96, 18, 1.95, 18_885_440),
    (0.35, 224, 59, 1.66, 59_285_808),
    (0.35, 192, 43, 1.66, 43_896_512),
    (0.35, 160, 30, 1.66, 30_874_800),
    (0.35, 128, 20, 1.66, 20_220_672),
    (0.35, 96, 11, 1.66, 11_934_128),
]


@pytest.mark.parametrize(("width", "side", "millions", "params", "macs"), PUBLISHED)
def test_v2_has_the_published_macs_and_weights(width, side, millions, params, macs):
    counted = at(v2(width), side)
    assert counted.macs == macs
    assert counted.macs // 1_000_000 == millions
    assert round(counted.weights / 1e6, 2) == params


# width: weights, with scales and shifts, with running statistics too; the last two are Keras's and torchvision's counts
V2_BY_WIDTH = {
    1.4: (6_060_840, 6_108_776, 6_156_712),
    1.3: (5_342_536, 5_386_792, 5_431_048),
    1.0: (3_470_760, 3_504_872, 3_538_984),
    0.75: (2_609_784, 2_636_424, 2_663_064),
    0.5: (1_950_136, 1_968_680, 1_987_224),
    0.35: (1_663_048, 1_677_128, 1_691_208),
}


@pytest.mark.parametrize("width", V2_BY_WIDTH)
def test_v2_has_the_frameworks_parameters(width):
    counted = at(v2(width), 224)
    assert (counted.weights, counted.params, counted.params + counted.statistics) == V2_BY_WIDTH[width]


def test_v2_by_kind():
    counted = at(v2(), 224)
    macs = {
        "stem": 10_838_016, "expand": 129_755_136, "depthwise": 20_716_416, "project": 118_114_304,
        "last": 20_070_400, "classifier": 1_280_000,
    }  # fmt: skip
    weights = {
        "stem": 864, "expand": 751_872, "depthwise": 64_224, "project": 963_200, "last": 409_600,
        "classifier": 1_281_000,
    }  # fmt: skip
    assert list(counted.by_kind().items()) == list(macs.items())
    assert list(counted.by_kind("weights").items()) == list(weights.items())
    assert sum(counted.by_kind("params").values()) == counted.params


def rounded(channels):
    """To the nearest multiple of 8, but not below nine tenths."""
    nearest = max(8, 8 * math.floor(channels / 8 + 0.5))
    return nearest if nearest >= 0.9 * channels else nearest + 8


def plain_v2(width, height, breadth, classes=1000, expand_first=False):
    """MACs, weights and normalised channels, from the paper's Table 2 and its formula h·w·k·t·(k + 9 + k′)."""
    k, h, w = rounded(32 * width), math.ceil(height / 2), math.ceil(breadth / 2)
    macs, weights, normalised = h * w * 27 * k, 27 * k, k
    for t, c, n, s in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for stride in [s] + [1] * (n - 1):
            wide, out, expands = k * t, rounded(c * width), t > 1 or expand_first
            macs += h * w * k * wide * expands
            h, w = math.ceil(h / stride), math.ceil(w / stride)
            macs += h * w * wide * (9 + out)
            weights += wide * (k * expands + 9 + out)
            normalised += wide * expands + wide + out
            k = out
    last = rounded(1280 * max(width, 1))
    macs += h * w * k * last + last * classes
    return macs, weights + k * last + (last + 1) * classes, normalised + last


@pytest.mark.parametrize(("width", "height", "breadth"), [(1.0, 224, 224), (0.35, 97, 130), (1.4, 33, 64), (0.5, 1, 7)])
def test_v2_is_what_a_plain_loop_over_the_papers_table_counts(width, height, breadth):
    counted = at(v2(width), height, breadth, batch=3)
    macs, weights, normalised = plain_v2(width, height, breadth)
    assert (counted.macs, counted.weights) == (3 * macs, weights)
    assert (counted.params - counted.weights, counted.statistics) == (2 * normalised, 2 * normalised)


@pytest.mark.parametrize(("width", "depth", "params"), [(1.1, 1.2, 4_516_520), (1.2, 1.4, 5_831_144)])
def test_rows_of_ones_own_are_timms_deeper_networks(width, depth, params):
    first, *inner, last = MOBILENET_V2_ROWS  # whose blocks stay one each, as stem and last convolution stay as wide
    rows = [first, *(row._replace(blocks=math.ceil(row.blocks * depth)) for row in inner), last]
    rows = [row._replace(channels=divisible(row.channels * width)) for row in rows]
    assert at(mobilenet_v2(rows=rows, conventions="timm"), 224).params == params


# ---------------------------------------------------------------------------------------------------------------------
# MobileNetV1

V1_BY_WIDTH = {  # as for V2
    1.0: (4_210_088, 4_231_976, 4_253_864),
    0.75: (2_569_144, 2_585_560, 2_601_976),
    0.5: (1_320_648, 1_331_592, 1_342_536),
    0.25: (464_600, 470_072, 475_544),
}
V1_MACS = {
    1.0: {224: 568_740_352, 192: 418_121_728, 160: 290_675_200, 128: 186_400_768},
    0.75: {224: 325_400_448, 192: 239_273_472, 160: 166_396_800, 128: 106_770_432},
    0.5: {224: 149_497_088, 192: 109_970_432, 160: 76_524_800, 128: 49_160_192},
    0.25: {224: 41_030_272, 192: 30_212_608, 160: 21_059_200, 128: 13_570_048},
}


@pytest.mark.parametrize("width", V1_BY_WIDTH)
def test_v1_has_the_frameworks_parameters(width):
    counted = at(v1(width), 224)
    assert (counted.weights, counted.params, counted.params + counted.statistics) == V1_BY_WIDTH[width]


@pytest.mark.parametrize("width", V1_MACS)
def test_v1_has_the_macs_of_all_its_resolutions(width):
    assert {side: at(v1(width), side).macs for side in V1_MACS[width]} == V1_MACS[width]


def plain_v1(width, height, breadth, full=False, classes=1000):
    """MACs and weights of MobileNetV1, from the paper's Table 1 and its formula Dᵣ²·M·Dᵥ² + M·N·Dᵥ², or Dᵣ²·M·N·Dᵥ²."""
    m, h, w = int(32 * width), math.ceil(height / 2), math.ceil(breadth / 2)
    macs, weights = h * w * 27 * m, 27 * m
    blocks = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024)]
    for stride, channels in blocks:
        n, h, w = int(channels * width), math.ceil(h / stride), math.ceil(w / stride)
        kernel = 9 * m * n if full else 9 * m + m * n
        macs, weights, m = macs + h * w * kernel, weights + kernel, n
    return macs + m * classes, weights + (m + 1) * classes


@pytest.mark.parametrize(("width", "height", "breadth"), [(1.0, 224, 224), (0.75, 96, 160), (0.25, 32, 64)])
def test_v1_is_what_a_plain_loop_over_the_papers_table_counts(width, height, breadth):
    counted = at(v1(width), height, breadth, batch=2)
    macs, weights = plain_v1(width, height, breadth)
    assert (counted.macs, counted.weights) == (2 * macs, weights)


def test_v1_by_kind():
    counted = at(v1(), 224)
    macs, weights = counted.by_kind(), counted.by_kind("weights")
    assert macs == {"stem": 10_838_016, "depthwise": 17_385_984, "pointwise": 539_492_352, "classifier": 1_024_000}
    assert weights == {"stem": 864, "depthwise": 44_640, "pointwise": 3_139_584, "classifier": 1_025_000}


def test_v1_table_3_the_layer_is_one_of_the_networks():
    cost = conv2d_cost((1, 14, 14, 512), (3, 3, 512, 512), padding="same")
    assert (cost.macs, cost.params) == (462_422_016, 2_359_296)
    for convolution, expected in (("standard", 462_422_016), ("separable", 52_283_392)):
        counted = at(v1(convolution=convolution), 224)
        assert sum(row.macs for row in counted.rows if row.block == "block_8") == expected


def test_v1_table_4_full_convolutions():
    counted = at(v1(convolution="standard"), 224)
    assert (counted.macs, counted.weights, counted.params) == (4_867_293_184, 29_282_120, 29_294_088)
    assert (counted.macs, counted.weights) == plain_v1(1.0, 224, 224, full=True)


def test_v1_without_five_layers_is_table_5s_shallow_network():
    rows = [row._replace(blocks=row.blocks - 5 * (row.channels == 512)) for row in MOBILENET_V1_ROWS]
    shallow = at(v1(rows=tuple(rows)), 224)
    assert (shallow.macs, shallow.weights) == (307_323_392, 2_876_328)


# ---------------------------------------------------------------------------------------------------------------------
# MobileNetV3

# width, parameters with scales and shifts, MACs; from the libraries themselves
V3_BY_WIDTH = {
    ("torchvision", "large"): [
        (0.35, 997_064, 35_278_408),
        (0.5, 1_734_576, 64_962_192),
        (0.75, 3_377_576, 140_033_816),
        (1.0, 5_483_032, 216_589_760),
        (1.25, 8_164_744, 343_461_000),
    ],
    ("keras", "large"): [
        (0.35, 2_132_216, 43_887_824),
        (0.5, 2_689_904, 73_663_088),
        (0.75, 3_993_528, 154_560_624),
        (1.0, 5_483_032, 216_589_760),
        (1.25, 8_255_784, 349_904_800),
    ],
    ("timm", "large"): [
        (0.35, 2_132_216, 43_887_824),
        (0.5, 2_689_904, 73_663_088),
        (0.75, 3_993_528, 154_560_624),
        (1.0, 5_483_032, 216_589_760),
        (1.25, 7_551_976, 355_221_920),
    ],
    ("torchvision", "small"): [
        (0.35, 558_744, 11_238_936),
        (0.5, 917_264, 18_970_736),
        (0.75, 1_653_920, 39_115_576),
        (1.0, 2_542_856, 56_510_400),
        (1.25, 3_644_912, 88_155_944),
    ],
    ("keras", "small"): [
        (0.35, 1_350_344, 15_931_232),
        (0.5, 1_593_224, 24_188_688),
        (0.75, 2_041_872, 43_399_344),
        (1.0, 2_542_856, 56_510_400),
        (1.25, 3_645_312, 87_703_648),
    ],
    ("timm", "small"): [
        (0.35, 1_358_808, 15_951_968),
        (0.5, 1_593_224, 24_188_688),
        (0.75, 2_041_872, 43_399_344),
        (1.0, 2_542_856, 56_510_400),
        (1.25, 3_205_384, 90_800_864),
    ],
}


@functools.cache
def v3(size="large", width=1.0, conventions="keras", **options):
    """The summary at 224."""
    with undrawn():
        return at(mobilenet_v3(size, width, conventions=conventions, **options), 224)


@pytest.mark.parametrize(("family", "size"), V3_BY_WIDTH)
def test_v3_has_the_frameworks_parameters_and_macs_at_every_width(family, size):
    for width, params, macs in V3_BY_WIDTH[family, size]:
        counted = v3(size, width, family)
        assert (width, counted.params, counted.macs) == (width, params, macs)


@pytest.mark.parametrize(
    ("size", "options", "params", "macs"),
    [
        ("large", {"minimalistic": True}, 3_924_288, 209_136_704),
        ("small", {"minimalistic": True}, 2_044_736, 52_288_448),
        ("large", {"minimalistic": True, "width": 0.75}, 3_050_312, 148_802_544),
        ("small", {"minimalistic": True, "width": 0.75}, 1_732_512, 40_072_880),
        ("large", {"reduced_tail": True, "conventions": "torchvision"}, 2_569_352, None),
        ("small", {"reduced_tail": True, "conventions": "torchvision"}, 1_099_672, None),
        ("large", {"output_stride": 16, "conventions": "torchvision"}, 5_483_032, 354_816_800),
        ("small", {"output_stride": 16, "conventions": "torchvision"}, 2_542_856, 106_509_216),
    ],
)
def test_v3s_other_forms_have_the_frameworks_counts(size, options, params, macs):
    counted = v3(size, **options)
    assert (counted.params, counted.macs) == (params, macs or counted.macs)


def test_v3_has_kerass_totals_with_the_running_statistics():
    totals = {
        ("large", 1.0, False): 5_507_432, ("small", 1.0, False): 2_554_968, ("large", 0.75, False): 4_012_616,
        ("small", 0.75, False): 2_051_552, ("large", 1.0, True): 3_948_688, ("small", 1.0, True): 2_056_848,
    }  # fmt: skip
    for (size, width, minimalistic), total in totals.items():
        counted = v3(size, width, minimalistic=True) if minimalistic else v3(size, width)
        assert counted.params + counted.statistics == total


def plain_v3(size, height, breadth, hidden, classes=1000):
    """MACs and weights of width 1, from the paper's tables: h·w·(k·e + d²·e + e·k′), and 2·e·q for a gate."""
    rows = {
        "large": [
            (3, 16, 16, 0, 1), (3, 64, 24, 0, 2), (3, 72, 24, 0, 1), (5, 72, 40, 1, 2), *[(5, 120, 40, 1, 1)] * 2,
            (3, 240, 80, 0, 2), (3, 200, 80, 0, 1), *[(3, 184, 80, 0, 1)] * 2, (3, 480, 112, 1, 1),
            (3, 672, 112, 1, 1), (5, 672, 160, 1, 2), *[(5, 960, 160, 1, 1)] * 2,
        ],
        "small": [
            (3, 16, 16, 1, 2), (3, 72, 24, 0, 2), (3, 88, 24, 0, 1), (5, 96, 40, 1, 2), *[(5, 240, 40, 1, 1)] * 2,
            (5, 120, 48, 1, 1), (5, 144, 48, 1, 1), (5, 288, 96, 1, 2), *[(5, 576, 96, 1, 1)] * 2,
        ],
    }[size]  # fmt: skip
    k, h, w = 16, math.ceil(height / 2), math.ceil(breadth / 2)
    macs, weights, gates = h * w * 27 * k, 27 * k, 0
    for d, e, out, gated, stride in rows:
        expand, quarter = k * e * (e != k), rounded(e / 4)
        macs += h * w * expand
        h, w = math.ceil(h / stride), math.ceil(w / stride)
        macs += h * w * e * (d * d + out) + gated * 2 * e * quarter
        weights += expand + e * (d * d + out) + gated * (2 * e * quarter + e + quarter)
        gates += gated * quarter
        k = out
    macs += h * w * k * 6 * k + 6 * k * hidden + hidden * classes
    return macs, weights + 6 * k * k + (6 * k + 1) * hidden + (hidden + 1) * classes, gates


@pytest.mark.parametrize(("size", "hidden", "gates"), [("large", 1280, 1024), ("small", 1024, 592)])
def test_v3_is_what_a_plain_loop_over_the_papers_tables_counts(size, hidden, gates):
    with undrawn():
        network = mobilenet_v3(size)
    for height, breadth in ((224, 224), (97, 130)):
        counted = at(network, height, breadth, batch=2)
        macs, weights, quarters = plain_v3(size, height, breadth, hidden)
        assert (counted.macs, counted.weights, quarters) == (2 * macs, weights, gates)


def test_v3_by_kind():
    counted = v3()
    assert list(counted.by_kind().items()) == list(
        {
            "stem": 5_419_008, "expand": 99_724_800, "depthwise": 18_392_640, "squeeze_excite": 1_507_200,
            "project": 81_510_912, "last": 7_526_400, "hidden": 1_228_800, "classifier": 1_280_000,
        }.items()
    )  # fmt: skip
    depthwise = {3: 9_102_240, 5: 9_290_400}
    sizes = {f"block_{number}": row.kernel_size for number, row in enumerate(MOBILENET_V3_ROWS["large"], 1)}
    for size, macs in depthwise.items():
        assert sum(row.macs for row in counted.rows if row.kind == "depthwise" and sizes[row.block] == size) == macs
    share = 100 * counted.by_kind("weights")["squeeze_excite"] / counted.weights
    assert round(share, 1) == 27.7


# ---------------------------------------------------------------------------------------------------------------------
# where what is printed does not come out


def test_v1_at_three_quarters_is_not_what_the_readme_of_slim_says():
    macs = {(0.75, 224): 317, (0.75, 192): 233, (0.75, 160): 162, (0.75, 128): 104, (0.25, 192): 34}
    right = {(0.75, 224): 325, (0.75, 192): 239, (0.75, 160): 166, (0.75, 128): 107, (0.25, 192): 30}
    assert {setting: round(at(v1(setting[0]), setting[1]).macs / 1e6) for setting in macs} == right
    assert all(abs(right[setting] - macs[setting]) >= 3 for setting in macs)


def test_v2_has_17_blocks_with_10_shortcuts_and_not_19():
    network = v2()
    assert sum(row.blocks for row in MOBILENET_V2_ROWS) == len(network.blocks) == 17
    assert sum(network.layers[name].shortcut for name in network.blocks) == 10


def test_v2_costs_10_million_at_least_were_its_last_convolution_narrowed_too():
    narrow = mobilenet_v2(0.35, last_channels=divisible(1280 * 0.35))
    assert 9e6 < at(narrow, 96).macs < 11e6 < at(v2(0.35), 96).macs == min(macs for *_, macs in PUBLISHED)


def test_v2_has_no_expansion_where_t_is_1():
    counted = at(v2(), 224)
    assert [row.kind for row in counted.rows if row.block == "block_1" and row.macs] == ["depthwise", "project"]
    with_expansion = plain_v2(1.0, 224, 224, expand_first=True)[0]
    assert with_expansion - counted.macs == 112 * 112 * 32 * 32
    assert (counted.macs, with_expansion) == (300_774_272, 313_619_328)


def test_v3_small_costs_57_million_and_not_the_66_of_its_papers_table_3():
    published, papers = v3("small"), v3("small", 1.0, hidden_channels=1280)
    assert (published.macs, papers.macs) == (56_510_400, 56_913_856)
    assert plain_v3("small", 224, 224, 1280)[0] == 56_913_856
    gated_last = papers.macs + 2 * 576 * 144  # with the squeeze-and-excite that Table 2 marks at the last convolution
    assert (round(papers.macs / 1e6), round(gated_last / 1e6)) == (57, 57)


def test_v3_small_has_a_hidden_layer_of_1280_in_the_paper_and_of_1024_as_published():
    assert [truncated(v3("small", width).params / 1e6, 1) for width in (1.0, 0.75)] == [2.5, 2.0]
    assert [v3("small", width, hidden_channels=1280).params for width in (1.0, 0.75)] == [2_946_568, 2_408_720]


def test_v3_large_costs_217_million_and_not_219():
    assert v3().macs == 216_589_760
    assert plain_v3("large", 224, 224, 1280)[0] == 216_589_760


def test_v3_minimalistic_small_costs_52_million_and_not_the_65_of_slims_readme():
    assert v3("small", minimalistic=True).macs == 52_288_448
