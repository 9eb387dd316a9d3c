"""Counts as other packages' counters make them, against recorded ones, and the conventions behind a count."""

import json
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import pytest

import npconv
from npconv import layers, models
from npconv.cost import count_operations
from npconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePool,
    InvertedResidual,
    PointwiseConv2D,
    ResidualBottleneck,
    Sequential,
    SqueezeExcite,
)
from npconv.models import TOOLS, count_as, explain_count, mobilenet_v1, mobilenet_v2, summary
from npconv.models.counters import explain, tools
from npconv.models.counters.explain import GROUPS, NETWORKS, PRODUCTS
from npconv.models.counters.parts import PARTS, count_parts, part_words
from npconv.models.counters.variants import expanded, misprinted, repeated

RECORDS = json.loads(Path(__file__).with_name("counters.json").read_text(encoding="utf-8"))
IMAGE = (1, 224, 224, 3)
FACTS = {  # MobileNetV2 at width 1: what counters report, and the conventions behind it
    "torch": (601_548_544, {"macs": 2}),
    "fvcore": (314_193_216, {"macs": 1, "normalisation": 2, "pool inputs": 1}),
    "mmengine": (314_193_216, {"macs": 1, "normalisation": 2, "pool inputs": 1}),
    "ptflops": (320_300_008, {"macs": 1, "dense bias": 1, "normalisation": 2, "ReLU6": 1, "pool inputs": 1}),
    "ptflops-aten": (300_775_272, {"macs": 1, "dense bias": 1}),
    "thop": (327_486_720, {"macs": 1, "normalisation": 4}),
    "torchinfo": (300_809_384, {"macs": 1, "dense bias": 1, "normalisation parameters": 1}),
    "torchprofile": (307_453_664, {"macs": 1, "normalisation": 1, "pool outputs": 1}),
    "flopth": (320_236_288, {"macs": 1, "normalisation": 2, "ReLU6": 1}),
    "calflops": (614_967_488, {"macs": 2, "normalisation": 2, "pool inputs": 1}),
    "deepspeed": (614_967_488, {"macs": 2, "normalisation": 2, "pool inputs": 1}),
    "paddle": (314_194_496, {"macs": 1, "normalisation": 2, "pool inputs": 1, "pool outputs": 1}),
    "tensorflow": (
        615_292_208,
        {
            "macs": 2, "dense bias": 1, "normalisation": 2, "normalisation constants": 6, "additions": 1,
            "pool inputs": 1, "softmax": 5,
        },
    ),
    "onnx-tool": (
        319_949_192,
        {
            "macs": 1, "dense bias": 1, "normalisation": 1, "ReLU6": 2, "additions": 1, "pool inputs": 1,
            "pool outputs": 4,
        },
    ),
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def counted_once():
    """Change and count each network once for all tests, none of which changes a network; without drawing weights."""
    once = cache(count_parts)
    with pytest.MonkeyPatch.context() as patch:
        for module in (layers.convolution, layers.squeeze):
            patch.setattr(module, "he_normal", lambda rng, shape, *fans: np.zeros(shape))
        for module in (explain, tools):
            patch.setattr(module, "count_parts", once)
        changes = {words: (cache(change), *others) for words, (change, *others) in NETWORKS.items()}
        patch.setattr(explain, "NETWORKS", changes)
        yield


@cache
def built(architecture, options):
    return getattr(models, architecture)(**json.loads(options))


@cache
def network(width=1.0):
    return mobilenet_v2(width)


def count_of(record):
    """The count of what a record is of; None for what npconv has no layer for."""
    shape, training = tuple(record["input_shape"]), record["mode"] == "train"
    if "architecture" in record:
        model = built(record["architecture"], json.dumps(record["options"]))
    elif "layers" in record:
        model = Sequential(*(getattr(layers, name)(*sizes, **given) for name, sizes, given in record["layers"]))
    else:
        return None
    return count_as(model, shape, record["tool"], training=training)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_count_is_what_the_counter_reported(tool):
    for record in RECORDS:
        count = count_of(record) if record["tool"] == tool else None
        if count is not None:
            assert (count.version, count.total) == (record["version"], record["reported"]), record
            assert sum(part.number for part in count.parts) == count.total


def test_every_counter_is_recorded():
    assert {record["tool"] for record in RECORDS} == set(TOOLS) | {"jax-training"}


@pytest.mark.parametrize("tool", FACTS)
def test_the_number_of_a_counter_has_its_conventions(tool):
    number, conventions = FACTS[tool]
    assert count_as(network(), IMAGE, tool).total == number
    result = explain_count(network(), IMAGE, number)
    assert tool in [each.tool for each in result.tools]
    assert {part.part: part.times for part in result.found[0].parts} == conventions
    assert result.found[0].total == sum(part.number for part in result.found[0].parts) == number


def rows_of_the_page(start):
    """The cells of the table of docs/counters.md whose header begins so; the header first."""
    page = (Path(__file__).parents[2] / "docs" / "counters.md").read_text(encoding="utf-8")
    lines = page[page.index(start) :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|-")]


def test_the_pages_numbers_are_the_recorded_ones():
    said = set()
    for names, called, number, share, _ in rows_of_the_page("| counter | called | number")[1:]:
        for tool in names.replace("`", "").split(", "):
            records = [record for record in RECORDS if record["tool"] == tool]
            assert records[0]["version"] in called or called == "the same, MACs"
            whole = [r for r in records if (r.get("architecture"), r["input_shape"]) == ("mobilenet_v2", [*IMAGE])]
            assert [f"{r['reported']:,} {r['reported'] / 300_774_272:.4f}" for r in whole] == (
                [f"{number} {share}"] if number else []
            )
            said.add(tool)
    assert said == set(TOOLS) - {"torch-training"}


def test_the_pages_shares_of_what_is_left_out_are_the_recorded_ones():
    header, *rows = rows_of_the_page("| counter | convolution by a function")
    for name, *cells in rows:
        flops = 2 if name in ("`torch`", "`calflops`", "`deepspeed`") else 1
        for case, cell in zip(header[1:], cells, strict=True):
            (record,) = (r for r in RECORDS if (f"`{r['tool']}`", r.get("case"), r["mode"]) == (name, case, "eval"))
            assert float(cell) == round(record["reported"] / record["exact"] / flops, 2), (name, case)


def test_onnx_opcounter_counts_what_no_convention_does():
    result = explain_count(network(), IMAGE, 307_111_816)
    assert (result.found, result.others, result.nearest) == ((), 0, None)
    (tool,) = result.tools
    assert tool.tool == "onnx-opcounter"
    assert ("copies of biases that are equal before training", 12_808) in [(p.words, p.number) for p in tool.parts]
    assert "no combination of conventions gives 307,111,816" in str(result)


@pytest.mark.parametrize("convolution", [npconv.conv2d, npconv.depthwise_conv2d])
def test_products_with_padding_are_those_that_run(convolution):
    """By jax 0.10.2's cost_analysis, 0.9588 of a 3×3 kernel's products on 32×32 are left."""
    rng, depthwise = np.random.default_rng(0), convolution is npconv.depthwise_conv2d
    for _ in range(12):
        kernel, stride, dilation = (tuple(map(int, rng.integers(1, high, 2))) for high in (5, 4, 3))
        padding = "same" if rng.random() < 0.3 else tuple(tuple(map(int, rng.integers(0, 4, 2))) for _ in range(2))
        height, width = rng.integers(8, 12, 2)
        given = {"stride": stride, "dilation": dilation, "padding": padding}
        layer = DepthwiseConv2D(2, kernel, **given) if depthwise else Conv2D(2, 3, kernel, **given)
        x = np.ones((2, height, width, 2))
        ran = count_operations(convolution, x, np.ones(layer.params["kernel"].shape), **given)
        assert count_parts(layer, x.shape)["padding"] == ran.zero_multiplications
    layer, shape = Conv2D(4, 4, 3, padding="same"), (1, 32, 32, 4)
    left = count_as(layer, shape, "jax").total / count_as(layer, shape, "torch").total
    assert left == pytest.approx(0.9588, abs=5e-5)


def test_the_groups_are_forgotten_in_the_kernels_gradients():
    filtering = Sequential(PointwiseConv2D(4, 16), DepthwiseConv2D(16, 3, padding=1))
    pointwise, depthwise = 2 * 7 * 5 * 4 * 16, 2 * 7 * 5 * 9 * 16
    assert count_as(filtering, (2, 7, 5, 4), "torch-training").total == 2 * (2 * pointwise + (2 + 16) * depthwise)


def test_every_kind_of_layer_is_counted():
    block = InvertedResidual(4, 4, expanded=10, activation="hard_swish", squeeze=3)
    model = Sequential(
        Conv2D(3, 4, 3, stride=2, padding=1, bias=True), layers.ReLU(), block, ResidualBottleneck(4, 2),
        layers.Sigmoid(), layers.HardSigmoid(), layers.ReLU6(), GlobalAveragePool(), Dense(4, 5),
    )  # fmt: skip
    parts, positions = count_parts(model, (2, 9, 7, 3)), 2 * 5 * 4
    values = {
        "convolution bias": positions * 4 + 2 * (3 + 10), "dense bias": 2 * 5, "hard-swish": positions * 20,
        "ReLU": positions * (4 + 2 + 2 + 4) + 2 * 3, "hard-sigmoid": positions * 4 + 2 * 10, "sigmoid": positions * 4,
        "ReLU6": positions * 4, "normalisation": positions * 32,
        "normalisation parameters": 2 * 2 * 32, "normalisation constants": 32, "additions": 2 * positions * 4,
        "gates": positions * 10, "squeeze inputs": positions * 10, "squeeze outputs": 20,
        "pool inputs": positions * 4, "pool outputs": 8, "softmax": 10, "images": 2 * 9 * 7 * 3, "classifier": 2 * 20,
    }  # fmt: skip
    assert {part: parts[part] for part in values} == values
    rows = summary(model, (2, 9, 7, 3))
    assert (parts["macs"], parts["sums"]) == (rows.macs, rows.total("additions"))
    assert parts["first input gradient"] == positions * 9 * 3 * 4
    assert count_parts(SqueezeExcite(8, 2), (2, 3, 3, 8))["first input gradient"] == 2 * 8 * 2


def test_equal_biases_are_those_of_a_folded_network_before_training():
    folded = [a.size for name, a in network().folded().params.items() if name.endswith("bias")]
    again = sum(size for number, size in enumerate(folded) if size in folded[:number])
    assert count_parts(network(), IMAGE)["equal biases"] == again == 12_808


def test_a_pool_may_be_a_function():
    for tool, missing in (("thop", 62_720 + 1_280), ("flopth", 62_720), ("ptflops", 62_720), ("fvcore", 0)):
        totals = [count_as(network(), IMAGE, tool, function_pool=given).total for given in (None, True, False)]
        assert totals == [totals[0], totals[0], totals[0] + missing]


def test_normalisation_is_counted_otherwise_in_training_mode():
    totals = [count_as(network(), IMAGE, "fvcore", training=flag).total for flag in (False, True)]
    assert totals == [314_193_216, 334_227_552]
    explained = explain_count(network(), IMAGE, 334_227_552)
    assert [part.words for part in explained.found[0].parts][1] == "normalisation, 5 a value"
    assert [each.tool for each in explained.tools] == ["fvcore", "mmengine"]
    without_one = [each.tool for each in explain_count(Dense(2, 3), (1, 2), 6).tools]
    assert without_one.count("fvcore") == 1


@pytest.mark.parametrize(
    ("number", "changed", "words"),
    [
        (299_494_272, "", "without the classifier's MACs"),
        (313_619_328, "with an expansion where t = 1", ""),
        (320_190_248, "with an expansion where t = 1", "ReLU6, 1 a value"),
        (416_266_880, "with the strides of the paper's misprinted table", ""),
        (429_111_936, "with an expansion where t = 1 and the strides of the paper's misprinted table", ""),
        (74_148_608, "with each row's stride in all of its blocks", ""),
        (5_549_139_968, "", "MACs of convolutions and dense layers as if there were one group"),
        (595_148_256, "", "additions in all layers"),
        (299_676_304, "", "without products with padding's zeros"),
        (320_808_608, "", "normalisation, 3 a value"),
        (12_279_700_992, "", "gradients of the kernels as if there were one group, 2 a MAC"),
    ],
)
def test_numbers_that_people_have_are_explained(number, changed, words):
    result = explain_count(network(), IMAGE, number)
    plainest = result.found[0]
    assert plainest.network == changed
    assert words in [part.words for part in plainest.parts] or not words
    assert f"{number:,}{changed and f', for a network {changed},'} is the sum of\n" in str(result)


def test_a_changed_network_that_the_image_does_not_fit_is_passed_over():
    """With stride 2 in each block of 512 channels, MobileNetV1 leaves 1 position, and Keras's padding adds 1."""
    model = mobilenet_v1()
    with pytest.raises(ValueError, match="the output's height would be empty"):
        count_parts(repeated(model), IMAGE)
    assert explain_count(model, IMAGE, 583_969_768).tools[0].tool == "ptflops"
    assert (
        explain_count(model, IMAGE, 533_833_216).found[0].network == "with the strides of the paper's misprinted table"
    )
    with pytest.raises(ValueError, match="empty"):
        explain_count(Conv2D(3, 4, 3), (1, 2, 2, 3), 9)


def test_the_combination_of_a_counter_comes_first():
    """ReLU6 follows each normalisation of MobileNetV1, so 1 a value is the same number for both."""
    found = explain_count(mobilenet_v1(0.25), IMAGE, count_as(mobilenet_v1(0.25), IMAGE, "torchprofile").total).found
    ones = [part.words for each in found for part in each.parts if part.part in ("normalisation", "ReLU6")]
    assert ones == ["normalisation, 1 a value", "ReLU6, 1 a value"]
    parts = count_parts(mobilenet_v1(0.25), IMAGE)
    of_none = explain_count(mobilenet_v1(0.25), IMAGE, parts["macs"] + parts["dense bias"] + parts["ReLU6"])
    assert (of_none.tools, of_none.found[0].parts[-1].part) == ((), "ReLU6")  # the commoner of the two


def test_ptflops_averages_over_a_batch():
    """Biases, normalisation and activations of modules are those of one image; the pool's function has the batch."""
    model, shape = Sequential(Conv2D(2, 3, 1), BatchNorm(3), GlobalAveragePool()), (2, 5, 4, 2)
    counted = count_as(model, shape, "ptflops")
    assert [(part.part, part.number, part.one_image) for part in counted.parts] == [
        ("pool inputs", 120, False), ("macs", 120, True), ("normalisation", 120, True), ("pool inputs", 60, True)
    ]  # fmt: skip
    assert counted in explain_count(model, shape, 420).tools
    assert counted.parts[1].words == "MACs of convolutions and dense layers, of one image"


def test_twice_the_number_of_a_counter_is_explained():
    number = 2 * FACTS["thop"][0]
    result = explain_count(network(), IMAGE, number)
    assert [each.tool for each in result.tools] == ["thop"]
    assert str(result).startswith("thop 0.1.1-2209072238 reports 327,486,720, half of the number\n  300,774,272  MACs")
    assert (result.found, result.nearest) == ((), None)
    narrow, image = Sequential(Conv2D(2, 3, 1), BatchNorm(3)), (1, 5, 5, 2)
    halved = explain_count(network(), IMAGE, number, further=[(narrow, image, 2 * (150 + 4 * 75))])
    assert [each.tool for each in halved.tools] == ["thop"]
    odd = explain_count(network(), IMAGE, number, further=[(narrow, image, 2 * (150 + 4 * 75) + 1)])
    assert (odd.tools, odd.found) == ((), ())


def test_softmax_is_of_a_classifier():
    """TensorFlow's number is of Keras's networks, which end in a softmax; a network of layers has none."""
    assert {count_parts(Conv2D(3, 4), (1, 9, 9, 3))[part] for part in ("classifier", "softmax")} == {0}
    small = Sequential(GlobalAveragePool(), Dense(3, 4))
    assert [part.part for part in count_as(small, (1, 2, 2, 3), "tensorflow").parts] == [
        "macs", "dense bias", "pool inputs"
    ]  # fmt: skip


def test_the_number_of_jax_is_of_convolutions_and_dense_layers():
    layer, shape = Conv2D(1, 1, 3, padding=1), (1, 3, 3, 1)
    counted = count_as(layer, shape, "jax")
    assert str(counted).startswith("jax 0.10.2: 98, of convolutions and dense layers alone\n")
    assert "jax 0.10.2 reports 98, of convolutions and dense layers alone\n" in str(explain_count(layer, shape, 98))


def test_the_changed_networks_are_those_of_changed_tables():
    rows = [row._replace(stride={64: 1, 96: 2}.get(row.channels, row.stride)) for row in models.MOBILENET_V2_ROWS]
    each = [row._replace(blocks=1) for row in models.MOBILENET_V2_ROWS for _ in range(row.blocks)]
    narrow = mobilenet_v2(0.35)
    for made, table in ((misprinted, rows), (repeated, each)):
        twin = mobilenet_v2(0.35, rows=table)
        assert count_parts(made(narrow), (2, 96, 128, 3)) == count_parts(twin, (2, 96, 128, 3))
    assert summary(misprinted(mobilenet_v1(0.25)), IMAGE).output_shape == (1, 1000)
    block = count_parts(expanded(InvertedResidual(4, 6, expansion=1)), (1, 7, 5, 4))
    assert (block["normalisation"], block["ReLU6"]) == (35 * (4 + 4 + 6), 35 * 8)
    small = models.mobilenet_v3("small")
    assert count_parts(misprinted(small), IMAGE) == count_parts(small, IMAGE)
    short = mobilenet_v2(0.35, rows=models.MOBILENET_V2_ROWS[:3])
    assert count_parts(misprinted(short), IMAGE) == count_parts(short, IMAGE)
    dilated = mobilenet_v2(0.35, output_stride=8)
    assert count_parts(repeated(dilated), IMAGE) == count_parts(dilated, IMAGE)


def test_the_network_itself_is_left_as_it_was():
    block = network().layers["block_7"]
    explain_count(network(), IMAGE, 416_266_880)
    assert block.layers["depthwise"].geometry["stride"] == 2
    assert "expand" not in network().layers["block_1"].layers
    assert network().layers["block_2"].shortcut is False


def test_further_counts_narrow_the_conventions_down():
    """Biases and a softmax of one a class give the same, but a network without biases has the softmax alone."""

    def of_thousand(explanations):
        return [part.part for each in explanations.found for part in each.parts if part.number == 1000]

    number = 320_300_008
    assert of_thousand(explain_count(network(), IMAGE, number)) == ["dense bias", "softmax"]
    unbiased = Sequential(
        Conv2D(3, 4, padding=1), BatchNorm(4), layers.ReLU6(), GlobalAveragePool(), Dense(4, 5, bias=False)
    )
    shape, values = (2, 9, 7, 3), 2 * 9 * 7 * 4
    other = summary(unbiased, shape).macs + 3 * values + values + 2 * 5
    assert of_thousand(explain_count(network(), IMAGE, number, further=[(unbiased, shape, other)])) == ["softmax"]
    wide = count_as(network(0.5), (2, 96, 128, 3), "thop").total
    both = explain_count(network(), IMAGE, FACTS["thop"][0], further=[(network(0.5), (2, 96, 128, 3), wide)])
    assert ([each.tool for each in both.tools], len(both.found), both.others) == (["thop"], 1, 0)
    small, macs = Sequential(Dense(2, 3, bias=False)), 6
    off = explain_count(small, (1, 2), macs, further=[(small, (5, 2), 5 * macs + 1)])
    assert (off.tools, off.found, off.nearest.total) == ((), (), macs)
    assert str(off).startswith("no combination of conventions gives 6 and 31\nthe nearest sum")


def test_what_is_not_found_has_its_nearest_count():
    result = explain_count(network(), IMAGE, 300_774_271)
    assert (result.tools, result.found, result.nearest.total) == ((), (), 300_774_272)
    nothing, nearest, *_ = str(result).splitlines()
    assert nothing == "no combination of conventions gives 300,774,271"
    assert nearest == "the nearest sum of at most three conventions is 1 above 300,774,271"
    below = explain_count(Sequential(Dense(2, 3)), (1, 2), 10**15)
    assert f"is {10**15 - below.nearest.total:,} below {10**15:,}" in str(below)


def test_the_nearest_count_is_of_three_conventions_with_the_changed_network():
    parts = count_parts(network(), IMAGE)
    three = parts["macs"] + 2 * parts["normalisation"] + parts["pool inputs"] + parts["additions"]
    assert explain_count(network(), IMAGE, three - 1).nearest.total == three
    parts = count_parts(expanded(misprinted(network())), IMAGE)
    four = parts["macs"] + 2 * parts["normalisation"] + parts["pool inputs"]
    assert explain_count(network(), IMAGE, four - 1).nearest.total != four


def test_two_for_a_mac_is_a_convention():
    small, shape = Sequential(Conv2D(2, 1, 1), layers.HardSwish()), (1, 2, 2, 2)
    first = explain_count(small, shape, 8 + 3 * 4).found[0]  # plainer than the two conventions of 2 * 8 + 4
    assert [(part.part, part.times) for part in first.parts] == [("macs", 1), ("hard-swish", 3)]
    sums = count_parts(network(), IMAGE)["sums"]
    assert explain_count(network(), IMAGE, 2 * (300_774_272 + sums)).found == ()


def test_the_plainest_come_first_and_the_others_are_counted():
    small = Sequential(Conv2D(1, 1, 1), BatchNorm(1), layers.ReLU6(), GlobalAveragePool(), Dense(1, 1))
    some, every = (explain_count(small, (1, 2, 2, 1), 20, most=most) for most in (2, 10**6))
    assert every.others == 0
    assert some.found == every.found[:2]
    assert some.others == len(every.found) - 2
    assert all(sum(part.number for part in each.parts) == 20 for each in every.found)
    assert len(set(every.found)) == len(every.found)
    assert {each.network for each in every.found} == {""}  # nothing in it can be changed
    assert str(some).endswith(f"{some.others} more combinations, less plain")


def test_each_convention_counts_parts_that_there_are():
    conventions = [choice for group in (PRODUCTS, *GROUPS) for choice in group]
    named = [
        part
        for rule in TOOLS.values()
        for times in (rule.times, rule.training, rule.function_pool, rule.one_image, *rule.networks.values())
        for part in times
    ]
    assert {part for choice in conventions for part in choice.times} | set(named) <= set(PARTS)
    assert all(prod(choice.times.values()) for choice in PRODUCTS)
    assert [part_words("macs", 1), part_words("images", 2), part_words("pool outputs", 4)] == [
        "MACs of convolutions and dense layers", "scaling of the images, 2 a number", "global average pool, 4 an output"
    ]  # fmt: skip


@pytest.mark.parametrize("further", [3, "x", [(1, 2)], [3], np.ones(3)])
def test_further_counts_are_triples(further):
    with pytest.raises(
        TypeError, match=r"^explain_count: further must be a sequence of \(model, input_shape, number\)"
    ):
        explain_count(network(), IMAGE, 9, further=further)
