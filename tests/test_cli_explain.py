"""`npconv explain`: the kernels' formulas, from the shell."""

import numpy as np
import pytest

import npconv
from npconv import cli
from npconv.checks import explain

BATCH, HEIGHT, WIDTH, M, N = 2, 4, 3, 2, 3


def _whole(seed, *shapes):
    random = np.random.default_rng(seed)
    return [random.integers(-3, 4, shape) for shape in shapes]


def test_without_sizes_it_is_one_line(capsys):
    assert cli.main(["explain", "conv2d", "--at", "0,0,0,1"]) == 0
    assert capsys.readouterr().out == (
        "y[0,0,0,1] = x[0,0,0,0]·k[0,0,0,1] + x[0,0,0,1]·k[0,0,1,1] + x[0,0,1,0]·k[0,1,0,1] + x[0,0,1,1]·k[0,1,1,1]\n"
    )


@pytest.mark.parametrize("operation", [name for name in npconv.__all__ if "conv2d" in name and "_backward" not in name])
def test_every_convolution_has_a_formula_without_sizes(operation, capsys):
    assert cli.main(["explain", operation, "--at", "0,0,0,1"]) == 0
    written = capsys.readouterr().out
    assert written.startswith(("y[0,0,0,1] = x[0,0,0,", "y[0,0,0,1] = (x[0,0,0,"))
    assert written.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "shapes", "geometry"),
    [
        (
            ["conv2d_taps", "--kernel", "3", "2", "--out-channels", "3", "--stride", "2", "1", "--padding", "same"],
            [(3, 2, M, N)],
            {"stride": (2, 1), "padding": "same"},
        ),
        (
            ["conv2d_im2col", "--kernel", "2", "--dilation", "2", "1", "--out-channels", "3", "--padding", "1", "0"],
            [(2, 2, M, N)],
            {"dilation": (2, 1), "padding": (1, 0)},
        ),
        (["depthwise_conv2d", "--kernel", "2", "1", "--depth-multiplier", "2"], [(2, 1, M * 2)], {}),
        (["grouped_conv2d", "--groups", "1", "--kernel", "2", "--out-channels", "3"], [(2, 2, M, N)], {"groups": 1}),
        (["pointwise_conv2d", "--out-channels", "3"], [(M, N)], {}),
        (
            ["shuffled_grouped_conv2d", "--groups", "1", "--kernel", "2", "--out-channels", "3"],
            [(2, 2, M, N)],
            {"groups": 1},
        ),
        (
            ["flattened_conv2d", "--kernel", "3", "2", "--out-channels", "3", "--stride", "1", "2"],
            [(M, N), (3, N), (2, N)],
            {"stride": (1, 2)},
        ),
        (
            ["depthwise_separable_conv2d", "--depth-multiplier", "2", "--kernel", "2", "--out-channels", "3"],
            [(2, 2, M * 2), (M * 2, N)],
            {},
        ),
    ],
)
def test_the_sizes_and_the_seed_are_those_that_are_given(words, shapes, geometry, capsys):
    arrays = _whole(5, (BATCH, HEIGHT, WIDTH, M), *shapes)
    at = (1, 1, 0, 2)
    options = ["--at", "1,1,0,2", "--input", "4", "3", "2", "--batch", "2", "--numbers", "--seed", "5"]
    assert cli.main(["explain", *words, *options]) == 0
    expected = explain(getattr(npconv, words[0]), *arrays, at=at, numbers=True, **geometry)
    assert capsys.readouterr().out == f"{expected}\n"
    value = getattr(npconv, words[0])(*arrays, **geometry)[at]
    assert expected.endswith(f" = {value}")


@pytest.mark.parametrize(
    ("words", "shape", "of"),
    [
        (["conv2d", "--backward", "--of", "dkernel"], (2, 1, M, N), "dkernel"),
        (["conv2d_taps", "--backward"], (2, 1, M, N), "dx"),
        (["conv2d_backward_loops", "--backward", "--of", "dx"], (2, 1, M, N), "dx"),
    ],
)
def test_backward_has_the_output_s_shape_upstream(words, shape, of, capsys):
    dy, *arrays = _whole(0, (1, 3, 2, N), (1, 4, 4, M), shape)
    options = [
        "--at",
        "0,0,1,1",
        "--input",
        "4",
        "4",
        "2",
        "--kernel",
        "2",
        "1",
        "--stride",
        "1",
        "2",
        "--out-channels",
        "3",
    ]
    assert cli.main(["explain", *words, *options]) == 0
    name = "conv2d_backward" + words[0].removeprefix("conv2d").removeprefix("_backward")
    formula = explain(getattr(npconv, name), dy, *arrays, at=(0, 0, 1, 1), of=of, stride=(1, 2))
    assert capsys.readouterr().out == f"{formula}\n"


def test_a_column_has_the_kernel_s_height_and_a_row_its_width(capsys):
    words = ["explain", "spatially_separable_conv2d", "--kernel", "2", "1", "--at", "0,0,0,1", "--input", "2", "1", "2"]
    assert cli.main(words) == 0
    formula = "(x[0,0,0,1]·column[0,1] + x[0,1,0,1]·column[1,1])·row[0,1]"
    assert capsys.readouterr().out == f"y[0,0,0,1] = {formula}\n"


def test_a_gradient_of_a_separable_convolution_s_factor(capsys):
    words = ["explain", "depthwise_separable_conv2d", "--backward", "--of", "dpointwise", "--at", "0,1"]
    assert cli.main([*words, "--input", "1", "2", "1"]) == 0
    assert (
        capsys.readouterr().out
        == "dpointwise[0,1] = (x[0,0,0,0]·depthwise[0,0,0] + x[0,0,1,0]·depthwise[0,1,0])·dy[0,0,0,1]\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["conv3d", "--at", "0"], "OPERATION must be one of conv2d, conv2d_backward, "),
        (["relu", "--at", "0"], "OPERATION must be one of conv2d, "),
        (["conv2d", "--at", "0,0,0,2"], "--at must be an index into y (1, 3, 3, 2); got (0, 0, 0, 2)"),
        (["conv2d", "--at", "0,0,1"], "--at must be an index into y (1, 3, 3, 2); got (0, 0, 1)"),
        (["conv2d", "--at", "0,0,0,o"], "--at must be whole numbers with commas between, such as 0,0,0,1; got 0,0,0,o"),
        (["conv2d", "--at", "0,0,0,1", "--of", "dx"], "--of chooses among gradients, and conv2d returns none"),
        (["conv2d", "--backward", "--at", "0,0,0,1", "--of", "db"], "--of must be one of ['dx', 'dkernel']"),
        (["conv2d_per_channel", "--backward", "--at", "0,0,0,1"], "conv2d_per_channel has no backward of its own"),
        (["pointwise_conv2d", "--stride", "2", "--kernel", "3", "--at", "0,0,0,1"], "no --kernel and no --stride"),
        (["conv2d", "--depth-multiplier", "2", "--at", "0,0,0,1"], "conv2d takes no --depth-multiplier"),
        (["conv2d", "--kernel", "1", "2", "3", "--at", "0,0,0,1"], "--kernel takes one number, or two for height"),
        (["conv2d", "--out-channels", "0", "--at", "0,0,0,1"], "--out-channels must be a whole number from 1"),
        (["conv2d", "--input", "3", "-1", "2", "--at", "0,0,0,1"], "--input must be a whole number from 1 to"),
        (["conv2d", "--padding", "sane", "--at", "0,0,0,1"], "--padding must be valid, same, or one or two whole"),
        (["conv2d", "--padding", "-1", "--at", "0,0,0,1"], "--padding must be valid, same, or one or"),
        (["conv2d", "--kernel", "4", "--at", "0,0,0,1"], "npconv explain: the output's height would be empty"),
        (["grouped_conv2d", "--groups", "3", "--at", "0,0,0,1"], "npconv explain: --groups must divide M = 2"),
        (["conv2d", "--input", "99", "99", "9", "--at", "0,0,0,1"], "these sizes need 349,272 products, and every"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2(words, message, capsys):
    assert cli.main(["explain", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("npconv explain: ")
    assert message in error
    assert error.count("\n") == 1
    assert "_cost" not in error


def test_a_gradient_is_asked_for_by_its_name_or_its_position(capsys):
    written = []
    for of in ("dkernel", "1"):
        assert cli.main(["explain", "conv2d_backward", "--at", "0,0,0,1", "--of", of]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1]
    assert written[0].startswith("dk[0,0,0,1] = ")
