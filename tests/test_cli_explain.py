"""`npconv explain`: the kernels' formulas, from the shell."""

import argparse
import inspect
import math

import numpy as np
import pytest

import npconv
from npconv import cli
from npconv.checks import explain
from npconv.cli.explain import _call, add_parser, explained

BATCH, HEIGHT, WIDTH, M, N = 2, 4, 3, 2, 3


def _whole(seed, *shapes):
    random = np.random.default_rng(seed)
    return [random.integers(-3, 4, shape) for shape in shapes]


def test_without_sizes_it_is_one_line(capsys):
    assert cli.main(["explain", "conv2d", "--at", "0,0,0,1"]) == 0
    assert capsys.readouterr().out == (
        "y[0,0,0,1] = x[0,0,0,0]·k[0,0,0,1] + x[0,0,0,1]·k[0,0,1,1] + x[0,0,1,0]·k[0,1,0,1] + x[0,0,1,1]·k[0,1,1,1]\n"
    )


NOT_EXPLAINED = {
    "overlap_counts": "takes no array",
    "factorize_kernel": "computes singular values",
    "softmax_cross_entropy": "takes labels, and real floats alone",
    **dict.fromkeys(
        ("batch_statistics", "batch_norm", "batch_norm_stages", "batch_norm_inference", "fold_batch_norm"),
        "takes real floats alone, as square roots do",
    ),
}


def test_every_kernel_is_explained_but_these():
    functions = {name for name in npconv.__all__ if not isinstance(getattr(npconv, name), type)}
    others = functions - set(explained())
    assert {name.removesuffix("_backward") for name in others} == set(NOT_EXPLAINED)


FUNCTIONS = {
    "exp": math.exp,
    "relu": lambda a: max(a, 0),
    "relu6": lambda a: min(max(a, 0), 6),
}
PARSER = argparse.ArgumentParser()
add_parser(PARSER.add_subparsers())


@pytest.mark.parametrize(
    ("operation", "wide"),
    [
        (name, wide)
        for name in explained()
        for wide in (False, True)
        if not wide or ("conv2d" in name and "pointwise_conv2d" not in name) or "inverted_residual" in name
    ],
)
def test_every_formula_evaluates_to_the_kernel_s_value(operation, wide, capsys):
    """The formula with the arrays, and the formula with numbers, of entries of each result."""
    options = ["--batch", "2", "--seed", "3"] * wide
    if wide and "conv2d" in operation:
        options += ["--kernel", "2", "--stride", "2", "1", "--padding", "1"]
    if wide and "inverted_residual" in operation:
        options += ["--expansion", "3", "--kernel", "2", "--input", "2", "3", "2"]
    name = operation.replace("_backward", "")
    arguments = PARSER.parse_args(["explain", operation, "--at", "0", *options])
    shapes, geometry = _call(name, getattr(npconv, name), arguments)
    if name != operation:
        shapes = [getattr(npconv, name)(*map(np.zeros, shapes), **geometry).shape, *shapes]
    arrays = _whole(3 * wide, *shapes)
    floats = [a.astype(np.float64) for a in arrays]
    result = getattr(npconv, operation)(*floats, **geometry)
    results = result if isinstance(result, tuple) else (result,)
    taken = list(inspect.signature(getattr(npconv, operation)).parameters)
    known = {("d" * (each[0] == "d" and each != "depthwise")) + "k" if each.endswith("kernel") else each: a
             for each, a in zip(taken, arrays, strict=False)}  # fmt: skip
    for position, values in enumerate(results):
        for at in {tuple(size - 1 for size in values.shape), tuple(n // 2 for n in values.shape)}:
            words = ["--at", ",".join(map(str, at)), "--numbers", *options]
            words += ["--of", str(position)] * (len(results) > 1)
            assert cli.main(["explain", operation, *words]) == 0
            formula, worked = capsys.readouterr().out.splitlines()
            _, _, formula = formula.partition(" = ")
            _, numbers, value = worked.split(" = ")
            for text in (formula, numbers, value):
                python = text.replace("·", "*")
                assert math.isclose(eval(python, {**FUNCTIONS, **known}), values[at], abs_tol=1e-12), (at, text)
            assert not {*"xyd["} & set(numbers.replace("exp", ""))


def test_a_block_s_value_is_followed_through_its_stages(capsys):
    words = ["inverted_residual", "--at", "0,1,0,1", "--input", "2", "1", "2", "--kernel", "1", "--expansion", "1"]
    assert cli.main(["explain", *words]) == 0
    wide = [f"relu6(relu6(x[0,1,0,0]·expand[0,{n}] + x[0,1,0,1]·expand[1,{n}])·depthwise[0,0,{n}])" for n in (0, 1)]
    projected = f"{wide[0]}·project[0,1] + {wide[1]}·project[1,1]"
    assert capsys.readouterr().out == f"y[0,1,0,1] = {projected} + x[0,1,0,1]\n"
    words[0] = "inverted_residual_stages"
    assert cli.main(["explain", *words, "--of", "depthwise_relu6"]) == 0
    assert capsys.readouterr().out == f"depthwise_relu6[0,1,0,1] = {wide[1]}\n"
    assert cli.main(["explain", "inverted_residual", *words[1:], "--stride", "2", "--at", "0,0,0,1"]) == 0
    assert "+ x[0,0,0,1]\n" not in capsys.readouterr().out


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
        (["conv4d", "--at", "0"], "OPERATION must be one of channel_shuffle, channel_shuffle_backward, conv2d, "),
        (["batch_norm", "--at", "0"], "OPERATION must be one of channel_shuffle, "),
        (["conv3d", "--at", "0,0,0,0,1", "--kernel", "1", "2"], "--kernel takes one number, or three for depth, "),
        (["conv3d", "--at", "0,0,0,0,1", "--padding", "same", "1", "1"], "--padding takes one number, or three for "),
        (["conv3d", "--at", "0,0,0,0,1", "--input", "3", "4", "2"], "--input takes 4 numbers for conv3d; got 3"),
        (["dense", "--at", "0,1", "--input", "3", "4", "2"], "--input takes 1 number for dense; got 3"),
        (["relu6", "--at", "0,0,0,1", "--input", "3", "2"], "--input takes 3 numbers for relu6; got 2"),
        (["relu6", "--at", "0,0,0,1", "--kernel", "3"], "relu6 takes no --kernel"),
        (["relu6", "--at", "0,0,0,1", "--input", "300", "300", "2"], "these sizes need 180,000 products, and every"),
        (["squeeze_excite", "--at", "0,0,0,1", "--input", "40", "40", "4", "--hidden-channels", "40"],
         "a formula has at most 1,000,000 letters; that of y[0,0,0,1] has 3,"),
        (["linear_block_kernel", "--at", "0,0,0,1", "--backward"], "linear_block_kernel has no backward\n"),
        (["inverted_residual_stages", "--at", "0,0,0,1", "--backward"],
         "inverted_residual_stages has no backward of its own; take inverted_residual\n"),
        (["inverted_residual_stages", "--at", "0,0,0,1", "--of", "input"], "--of must be one of expanded, "),
        (["inverted_residual", "--at", "0,0,0,1", "--padding", "valid"], "at stride 1 with k = k′ the shortcut is"),
        (["conv2d", "--at", "0,0,0,2"], "--at must be an index into y (1, 3, 3, 2); got (0, 0, 0, 2)"),
        (["conv2d", "--at", "0,0,1"], "--at must be an index into y (1, 3, 3, 2); got (0, 0, 1)"),
        (["conv2d", "--at", "0,0,0,o"], "--at must be whole numbers with commas between, such as 0,0,0,1; got 0,0,0,o"),
        (["conv2d", "--at", "0,0,0,1", "--of", "dx"], "--of chooses among gradients or stages, and conv2d returns "),
        (["conv2d", "--backward", "--at", "0,0,0,1", "--of", "db"], "--of must be one of dx, dkernel, or"),
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
