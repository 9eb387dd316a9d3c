"""`npconv cost` for whole networks, as a user calls it."""

import argparse
import json

import pytest
from undrawn import undrawn

from npconv import cli
from npconv.cli.cost_networks import add_networks
from npconv.detection.anchors import SPECIFICATIONS
from npconv.models import (
    MOBILENET_V3_ROWS,
    TOOLS,
    count_as,
    deeplab_v3,
    explain_count,
    lr_aspp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    ssdlite,
    summary,
)
from npconv.models.conventions import FAMILIES
from npconv.models.mobilenet_v1 import KINDS
from npconv.models.saved import MOBILENETS
from npconv.models.ssdlite import HEADS
from npconv.models.summary import TABLES
from npconv.models.table import OUTPUT_STRIDES


@pytest.fixture(autouse=True, scope="module")
def _undrawn():
    """A cost is of shapes alone."""
    with undrawn():
        yield


def without_memory(printed):
    """What is printed but for its last two lines."""
    lines = printed.splitlines(keepends=True)
    assert all(line.startswith("largest input and output, by ") for line in lines[-2:])
    return "".join(lines[:-2])


def test_the_memory_at_one_time_is_the_papers(capsys):
    assert cli.main(["cost", "mobilenet_v2", "--by", "kind"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "largest input and output, by layers: 1,505,280 numbers, 6,021,120 bytes (block_2.depthwise)",
        "largest input and output, by blocks: 602,112 numbers, 2,408,448 bytes (block_1)",
    ]
    assert cli.main(["cost", "mobilenet_v2", "--json"]) == 0
    memory = json.loads(capsys.readouterr().out)["memory"]
    assert memory["blocks"] == {"name": "block_1", "numbers": 602_112, "bytes": 2_408_448}


def test_it_prints_the_summary(capsys):
    assert cli.main(["cost", "mobilenet_v2", "--width", "1.4", "--resolution", "192"]) == 0
    printed = capsys.readouterr().out
    assert without_memory(printed) == f"{summary(mobilenet_v2(1.4), (1, 192, 192, 3))}\n"
    assert "428,211,136" in printed
    assert "6,060,840" in printed


@pytest.mark.parametrize("by", ["layer", "block", "kind"])
def test_it_lists_layers_blocks_or_kinds(by, capsys):
    words = ["cost", "mobilenet_v1", "--convolution", "standard", "--width", "0.25", "--resolution", "96", "64"]
    assert cli.main([*words, "--by", by]) == 0
    counted = summary(mobilenet_v1(0.25, convolution="standard"), (1, 96, 64, 3))
    assert without_memory(capsys.readouterr().out) == counted.as_text(by) + "\n"


def test_the_default_is_the_papers_network(capsys):
    for name, macs, params in (
        ("mobilenet_v3", 216_589_760, 5_483_032), ("mobilenet_v2", 300_774_272, 3_504_872),
        ("mobilenet_v1", 568_740_352, 4_231_976),
    ):  # fmt: skip
        assert cli.main(["cost", name, "--json"]) == 0
        read = json.loads(capsys.readouterr().out)
        assert (read["network"], read["width"], read["input_shape"]) == (name, 1.0, [1, 224, 224, 3])
        assert (read["macs"], read["params"], read["macs_by_kind"]["classifier"]) == (
            macs,
            params,
            read["rows"][-1]["macs"],
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_it_takes_every_familys_conventions(family, capsys):
    words = ["cost", "mobilenet_v1", "--width", "0.35", "--classes", "5", "--resolution", "65", "32"]
    assert cli.main([*words, "--conventions", family, "--by", "kind"]) == 0
    counted = summary(mobilenet_v1(0.35, 5, conventions=family), (1, 65, 32, 3))
    assert without_memory(capsys.readouterr().out) == counted.as_text("kind") + "\n"


def test_the_choices_are_those_of_the_models():
    parsers = argparse.ArgumentParser().add_subparsers()
    add_networks(parsers)
    choices = {
        name: {action.dest: tuple(action.choices) for action in parser._actions if action.choices}
        for name, parser in parsers.choices.items()
    }
    heads = {
        "network": tuple(MOBILENETS), "size": tuple(MOBILENET_V3_ROWS), "conventions": FAMILIES, "by": TABLES,
    }  # fmt: skip
    both = {"output_stride": OUTPUT_STRIDES, "conventions": FAMILIES, "by": TABLES, "counter": (*TOOLS, "all")}
    assert choices == {
        "mobilenet_v2": both, "mobilenet_v1": both | {"convolution": KINDS},
        "mobilenet_v3": both | {"size": tuple(MOBILENET_V3_ROWS)},
        "ssdlite": heads | {"heads": HEADS, "boxes": tuple(SPECIFICATIONS)},
        "lr_aspp": heads | {"output_stride": OUTPUT_STRIDES}, "deeplab_v3": heads | {"output_stride": OUTPUT_STRIDES},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--size", "small"], {"size": "small"}),
        (["--size", "small", "--minimalistic", "--width", "0.75"],
         {"size": "small", "minimalistic": True, "width": 0.75}),
        (["--reduced-tail", "--conventions", "torchvision", "--output-stride", "16", "--width", "0.35"],
         {"reduced_tail": True, "conventions": "torchvision", "output_stride": 16, "width": 0.35}),
        (["--size", "small", "--hidden-channels", "1280"], {"size": "small", "hidden_channels": 1280}),
    ],
)  # fmt: skip
def test_v3_has_its_own_options(words, options, capsys):
    assert cli.main(["cost", "mobilenet_v3", *words, "--by", "kind"]) == 0
    printed = capsys.readouterr().out
    assert without_memory(printed) == summary(mobilenet_v3(**options), (1, 224, 224, 3)).as_text("kind") + "\n"
    assert cli.main(["cost", "mobilenet_v3", *words, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert {name: read[name] for name in options} == options


def test_json_has_the_options_and_all_of_the_summary(capsys):
    words = ["--width", "0.35", "--resolution", "100", "60", "--classes", "7", "--batch", "3", "--output-stride", "8"]
    assert cli.main(["cost", "mobilenet_v1", *words, "--conventions", "timm", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    counted = summary(mobilenet_v1(0.35, 7, conventions="timm", output_stride=8), (3, 100, 60, 3))
    options = {
        "network": "mobilenet_v1", "width": 0.35, "classes": 7, "conventions": "timm", "output_stride": 8,
        "convolution": "separable",
    }  # fmt: skip
    assert {name: each["numbers"] * 4 for name, each in read["memory"].items()} == {
        name: each["bytes"] for name, each in read.pop("memory").items()
    }
    assert read == options | json.loads(counted.as_json())
    assert read["output_shape"] == [3, 7]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--width", "0"], "--width must be a number at least 0.1 and at most 4; got 0"),
        (["--width", "nan"], "--width must be a number at least 0.1 and at most 4; got nan"),
        (["--width", "inf"], "--width must be a number at least 0.1 and at most 4; got inf"),
        (["--width", "wide"], "--width must be a number at least 0.1 and at most 4; got wide"),
        (["--resolution", "20001"], "--resolution must be a whole number from 1 to 20000; got 20001"),
        (["--resolution", "1", "2", "3"], "--resolution takes one number, or two for height and width"),
        (["--resolution", "224", "0"], "--resolution must be a whole number from 1 to 20000; got 0"),
        (["--classes", "0"], "--classes must be a whole number from 1 to 30000; got 0"),
        (["--batch", "-2"], "--batch must be a whole number from 1 to 100000; got -2"),
    ],
)
def test_bad_numbers_are_one_line_and_status_2(words, message, capsys):
    assert cli.main(["cost", "mobilenet_v2", *words]) == 2
    printed, error = capsys.readouterr()
    assert error.startswith(f"npconv cost mobilenet_v2: {message}")
    assert (error.count("\n"), printed) == (1, "")


@pytest.mark.parametrize(
    ("words", "option", "expectation"),
    [
        (["mobilenet_v2", "--output-stride", "2"], "--output-stride", "must be one of 4, 8, 16, 32; got 2"),
        (["mobilenet_v2", "--conventions", "slim"], "--conventions", "timm"),
        (["mobilenet_v1", "--convolution", "full"], "--convolution", "standard"),
        (["mobilenet_v1", "--by", "row"], "--by", "block"),
        (["mobilenet_v2", "--convolution", "standard"], "--convolution", "unrecognized"),
        (["mobilenet_v3", "--size", "medium"], "--size", "small"),
        (["mobilenet_v2", "--minimalistic"], "--minimalistic", "unrecognized"),
        (["mobilenet_v4"], "WHAT", "mobilenet_v3"),
    ],
)
def test_bad_words_name_the_option_and_have_status_2(words, option, expectation, capsys):
    assert cli.main(["cost", *words]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert option in line
    assert expectation in line


def test_as_prints_a_counters_number_with_its_parts(capsys):
    assert cli.main(["cost", "mobilenet_v2", "--as", "fvcore"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "fvcore 0.1.5.post20221221: 314,193,216",
        "  300,774,272  MACs of convolutions and dense layers",
        "   13,356,224  normalisation, 2 a value",
        "       62,720  global average pool, 1 an input",
    ]
    words = ["--width", "0.35", "--resolution", "96", "128", "--batch", "2", "--json"]
    assert cli.main(["cost", "mobilenet_v2", *words, "--as", "thop"]) == 0
    read = json.loads(capsys.readouterr().out)
    counted = count_as(mobilenet_v2(0.35), (2, 96, 128, 3), "thop")
    assert (read["network"], read["width"], read["input_shape"]) == ("mobilenet_v2", 0.35, [2, 96, 128, 3])
    assert (read["tool"], read["version"], read["total"]) == counted[:3]
    assert [(part["number"], part["words"]) for part in read["parts"]] == [(p.number, p.words) for p in counted.parts]


def test_as_all_prints_every_counters_number(capsys):
    words = ["cost", "mobilenet_v3", "--size", "small", "--width", "0.75", "--resolution", "64", "--as", "all"]
    assert cli.main(words) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    counts = [count_as(mobilenet_v3("small", 0.75), (1, 64, 64, 3), tool) for tool in TOOLS]
    macs = count_as(mobilenet_v3("small", 0.75), (1, 64, 64, 3), "calflops-macs").total
    assert header.split() == ["counter", "version", "number", "/", "MACs"]
    assert [line.split() for line in lines] == [
        *([each.tool, each.version, f"{each.total:,}", f"{each.total / macs:.4f}"] for each in counts),
        ["jax:", "of", "convolutions", "and", "dense", "layers", "alone"],
    ]
    assert cli.main([*words, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)["counts"]
    assert [(each["tool"], each["total"]) for each in read] == [(each.tool, each.total) for each in counts]


def test_explain_names_the_conventions(capsys):
    assert cli.main(["cost", "mobilenet_v2", "--explain", "320,300,008"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("ptflops 0.7.5 reports 320,300,008\n320,300,008 is the sum of\n")
    assert printed == f"{explain_count(mobilenet_v2(), (1, 224, 224, 3), 320_300_008)}\n"
    assert "normalisation, 2 a value" in printed
    assert cli.main(["cost", "mobilenet_v2", "--explain", "310000000"]) == 0
    assert (
        "no combination of conventions gives 310,000,000\nthe nearest sum of at most three" in capsys.readouterr().out
    )


def test_explain_takes_counts_of_other_widths_and_resolutions(capsys):
    widths = {"@0.5": (0.5, 224, 224), "/96": (1.0, 96, 96), "@0.35/96x64": (0.35, 96, 64)}
    counts = {
        end: count_as(mobilenet_v2(width, 7), (2, *sides, 3), "torchprofile").total
        for end, (width, *sides) in widths.items()
    }
    given = [f"{number}{end}" for end, number in counts.items()]
    assert cli.main(["cost", "mobilenet_v2", "--classes", "7", "--batch", "2", "--json", "--explain", *given]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["number"], [each["tool"] for each in read["counters"]]) == (counts["@0.5"], ["torchprofile"])
    assert [part["words"] for part in read["explanations"][0]["parts"]] == [
        "MACs of convolutions and dense layers", "normalisation, 1 a value", "global average pool, 1 an output"
    ]  # fmt: skip
    assert (len(read["explanations"]), read["others"], read["nearest"]) == (1, 0, None)
    assert cli.main(["cost", "mobilenet_v2", "--json", "--explain", "310000000", "9@0.5"]) == 0
    assert json.loads(capsys.readouterr().out)["nearest"]["total"] > 300_000_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--as", "fvcore", "--explain", "9"], "--by, --as and --explain exclude each other; give one of them"),
        (["--by", "kind", "--as", "fvcore"], "--by, --as and --explain exclude each other; give one of them"),
        (["--explain", "0"], "--explain must be a count such as 320300008, or of another width"),
        (["--explain", "9@9"], "--explain must be a count such as 320300008, or of another width"),
        (["--explain", "9/0"], "--explain must be a count such as 320300008, or of another width"),
        (["--explain", ",", "9"], "--explain must be a count such as 320300008, or of another width"),
        (["--as", "nosuch"], "--as must be one of 'torch', 'torch-training', 'fvcore'"),
    ],
)
def test_what_as_and_explain_cannot_take_is_one_line(words, message, capsys):
    assert cli.main(["cost", "mobilenet_v2", *words]) == 2
    printed, error = capsys.readouterr()
    assert error.startswith(f"npconv cost mobilenet_v2: {message}")
    assert (error.count("\n"), printed) == (1, "")


def test_ssdlite_is_the_papers_table_5(capsys):
    assert cli.main(["cost", "ssdlite"]) == 0
    printed = capsys.readouterr().out
    detector = ssdlite(mobilenet_v2(), 81)
    assert printed.startswith(summary(detector, (1, 320, 320, 3)).as_text("kind"))
    assert printed.splitlines()[-5:-1] == [
        "network       611,212,800           2,189,760   2,223,872",
        "extra layers   38,550,976             652,352     656,960",
        "heads         139,066,368           1,441,344   1,456,181",
        "total         788,830,144           4,283,456   4,337,013",
    ]
    maps = "20×20×576, 10×10×1280, 5×5×512, 3×3×256, 2×2×256, 1×1×128"
    assert printed.endswith(f"2,034 default boxes on the maps {maps}, the first from block_14.expand_relu6\n")


@pytest.mark.parametrize(
    ("words", "build", "weights", "macs"),
    [
        (["--heads", "full"], mobilenet_v2, 16_960_128, 1_870_281_472),
        (["--network", "mobilenet_v1"], mobilenet_v1, 5_060_608, 1_309_162_944),
        (
            ["--network", "mobilenet_v3", "--size", "small", "--reduced-tail", "--classes", "91"],
            lambda: mobilenet_v3("small", reduced_tail=True),
            1_759_976,
            162_303_424,
        ),
        (
            ["--width", "0.35", "--last-channels", "448", "--extras", "179", "89", "89", "44", "--classes", "91"],
            lambda: mobilenet_v2(0.35, last_channels=448),
            926_396,
            166_713_786,
        ),
    ],
)
def test_ssdlite_as_json(words, build, weights, macs, capsys):
    assert cli.main(["cost", "ssdlite", "--json", "--by", "block", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    *parts, total = told["parts"]
    assert [part["part"] for part in parts] == ["network", "extra layers", "heads"]
    assert (total["kernel_weights"], total["macs"]) == (weights, macs)
    for column in ("macs", "kernel_weights", "params"):
        assert sum(part[column] for part in parts) == total[column]
    assert told["default_boxes"] == 2034
    assert told["maps"][0][3] == build().feature_shapes((1, 320, 320, 3), [told["first"]])[told["first"]][3]


def test_ssdlite_with_options_of_its_own(capsys):
    words = "--extras 0 --boxes torchvision --first block_13 --resolution 64 96 --batch 2 --conventions torchvision"
    assert cli.main(["cost", "ssdlite", "--width", "0.35", *words.split()]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("180 default boxes on the maps 4×6×32, 2×3×1280, the first from block_13\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("--resolution 31", "x must be images of at least 32×32, the network's stride; got (1, 31, 31, 3)"),
        ("--size small", "--size and --reduced-tail are of mobilenet_v3; the network is mobilenet_v2"),
        ("--reduced-tail --network mobilenet_v1", "--size and --reduced-tail are of mobilenet_v3"),
        ("--last-channels 64 --network mobilenet_v1", "mobilenet_v1 has no last convolution"),
        ("--first block_30", "there is no layer 'block_30'; there are stem"),
        ("--classes 1", "--classes"),
        ("--extras 64 0", "--extras"),
        ("--network mobilenet_v4", "--network"),
    ],
)
def test_ssdlite_says_what_is_wrong(words, error, capsys):
    assert cli.main(["cost", "ssdlite", "--width", "0.1", *words.split()]) == 2
    assert error in capsys.readouterr().err


def test_deeplab_is_the_papers_table_7(capsys):
    assert cli.main(["cost", "deeplab_v3"]) == 0
    printed = capsys.readouterr().out
    segmenter = deeplab_v3(mobilenet_v2(output_stride=16), 21)
    assert printed.startswith(summary(segmenter, (1, 513, 513, 3)).as_text("kind"))
    assert printed.splitlines()[-5:] == [
        "part              MACs  weights of kernels  parameters  MACs by space-to-batch",
        "network  2,502,824,384           1,780,160   1,811,712           2,504,561,024",
        "head     2,860,684,544           2,708,736   2,711,829           3,318,535,424",
        "total    5,363,508,928           4,488,896   4,523,541           5,823,096,448",
        "33×33×21 scores, of 33×33×320 from block_17",
    ]


@pytest.mark.parametrize(
    ("words", "params", "macs", "by_space_to_batch"),
    [
        ("deeplab_v3 --rates 0", 2_113_557, 2_740_709_056, 2_742_445_696),
        ("deeplab_v3 --network mobilenet_v1 --conventions torchvision", 11_145_301, 12_760_886_976, 14_226_627_264),
        ("deeplab_v3 --output-stride 8 --resolution 512", 4_523_541, 18_429_919_232, 20_836_401_152),
        ("lr_aspp --conventions torchvision --resolution 512", 3_221_538, 1_974_665_088, 1_974_665_088),
    ],
)
def test_segmenters_as_json(words, params, macs, by_space_to_batch, capsys):
    what, *options = words.split()
    assert cli.main(["cost", what, "--json", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    *parts, total = told["parts"]
    assert [part["part"] for part in parts] == ["network", "head"]
    assert (total["params"], total["macs"], total["macs_by_space_to_batch"]) == (params, macs, by_space_to_batch)
    for column in ("macs", "kernel_weights", "params", "macs_by_space_to_batch"):
        assert sum(part[column] for part in parts) == total[column]
    assert (told["params"], told["macs"], told["scores"][3]) == (params, macs, 21)


def test_segmenters_with_options_of_their_own(capsys):
    words = "--network mobilenet_v2 --width 0.35 --classes 5 --resolution 64 96 --batch 2 --filters 24 --json"
    words, images = words.split(), (2, 64, 96, 3)
    assert cli.main(["cost", "lr_aspp", *words, "--output-stride", "4", "--low", "block_1"]) == 0
    told = json.loads(capsys.readouterr().out)
    built = lr_aspp(mobilenet_v2(0.35, output_stride=4), 5, 24, low="block_1")
    assert (told["macs"], told["low"], told["high"]) == (built.cost(images).macs, "block_1", "block_17")
    assert (told["maps"], told["scores"]) == ([[2, 32, 48, 8], [2, 16, 24, 112]], [2, 32, 48, 5])
    assert cli.main(["cost", "deeplab_v3", *words, "--rates", "2", "4"]) == 0
    told = json.loads(capsys.readouterr().out)
    built = deeplab_v3(mobilenet_v2(0.35, output_stride=16), 5, rates=(2, 4), filters=24)
    plain, whole = (built.cost(images, space_to_batch=each).macs for each in (False, True))
    assert (told["macs"], told["rates"], told["parts"][-1]["macs_by_space_to_batch"]) == (plain, [2, 4], whole)
    assert (told["deeplab_v3"], told["scores"]) == ("mobilenet_v2", [2, 4, 6, 5])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("deeplab_v3 --output-stride 4", "--rates must be a sequence of ints if the last map's stride is neither 8"),
        ("deeplab_v3 --rates 6 0", "--rates must be dilations, or 0 alone; got 6 0"),
        ("deeplab_v3 --rates -6", "--rates"),
        ("deeplab_v3 --low block_4", "unrecognized arguments: --low"),
        ("deeplab_v3 --resolution 15", "x must be images of at least 16×16, the network's stride; got (1, 15, 15, 3)"),
        ("lr_aspp --output-stride 4", "--low must be a layer's name or a stride if no block ends at stride 8; got"),
        ("lr_aspp --low block_30", "there is no layer 'block_30'; there are stem"),
        ("lr_aspp --low block_17 --network mobilenet_v2", "--low must be a layer before the high one, block_17"),
        ("lr_aspp --size small --network mobilenet_v1", "--size and --reduced-tail are of mobilenet_v3"),
        ("lr_aspp --rates 6", "unrecognized arguments: --rates"),
        ("lr_aspp --filters 0", "--filters must be a whole number from 1 to 4096; got 0"),
        ("lr_aspp --output-stride 2", "--output-stride must be one of 4, 8, 16, 32; got 2"),
    ],
)
def test_segmenters_say_what_is_wrong(words, error, capsys):
    assert cli.main(["cost", *words.split(), "--width", "0.1"]) == 2
    printed, complaint = capsys.readouterr()
    assert error in complaint
    assert (complaint.count("\n"), printed) == (1, "")
