"""The programs of docs/checking.md, in C and in JavaScript, check a convolution against the test vectors."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from npconv import cli
from npconv.checks import make_vectors

PAGE = (Path(__file__).parents[2] / "docs" / "checking.md").read_text(encoding="utf-8")
DRAWN, SEED = 6, 3
VECTORS = make_vectors("conv2d", layout="NCHW", count=DRAWN, seed=SEED)
COUNT = int(VECTORS["count"])
SHARED = {  # mistakes by their language, of which both have the same
    "top is bottom": {"c": ("padding[0];", "padding[1];"), "js": ("[top, , left]", "[, top, left]")},
    "left is top": {"c": ("padding[2];", "padding[0];"), "js": ("dilation[1] - left;", "dilation[1] - top;")},
    "height is width": {"c": ("v * stride[0]", "v * stride[1]"), "js": ("v * stride[0]", "v * stride[1]")},
    "turned round": {"c": ("+ i) * kernel.size[3] + j]", "+ i) * kernel.size[3] + kernel.size[3] - 1 - j]"),
                     "js": ("+ i) * kernelColumns + j]", "+ i) * kernelColumns + kernelColumns - 1 - j]")},
    "a row at the edge": {"c": ("row >= 0", "row > 0"), "js": ("row >= 0", "row > 0")},
}  # fmt: skip


def program(language):
    return re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


def run(language, text, folder):
    """A program's status and what it prints about the folder's vectors; skipped where the language can't be run."""
    if language == "c":
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            pytest.skip("there is no C compiler")
        (folder / "check.c").write_text(text, encoding="utf-8")
        words = [compiler, "-std=c99", "-Wall", "-Werror", "-O1", "-o", "check", "check.c"]
        subprocess.run(words, cwd=folder, check=True, timeout=60)
        command = [str(folder / "check")]
    else:
        if (node := shutil.which("node")) is None:
            pytest.skip("there is no node")
        (folder / "check.mjs").write_text(text, encoding="utf-8")
        command = [node, "check.mjs"]
    done = subprocess.run([*command, "vectors.txt"], cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("vectors")
    words = ["--layout", "NCHW", "--count", str(DRAWN), "--seed", str(SEED), "--out", str(where / "vectors.txt")]
    assert cli.main(["vectors", "--op", "conv2d", *words]) == 0
    return where


@cache
def expected(mistake):
    """The cases that a mistake makes wrong, and how many numbers of each, as a convolution in Python finds them."""
    found = {}
    for number in range(COUNT):
        x, kernel, y, stride, padding, dilation = (
            VECTORS[f"{number}/{name}"] for name in ("x", "kernel", "y", "stride", "padding", "dilation")
        )
        (top, bottom), (left, _) = padding
        top = bottom if mistake == "top is bottom" else top
        left = padding[0][0] if mistake == "left is top" else left
        down = stride[1] if mistake == "height is width" else stride[0]
        kernel = kernel[..., ::-1] if mistake == "turned round" else kernel
        x = x.copy()
        if mistake == "a row at the edge":
            x[:, :, 0] = 0
        zeros = 200  # more than any index reaches beyond the map
        x = np.pad(x, ((0, 0), (0, 0), (zeros, zeros), (zeros, zeros)))
        got = np.zeros_like(y)
        for (v, w), (i, j) in ((o, t) for o in np.ndindex(*y.shape[2:]) for t in np.ndindex(*kernel.shape[2:])):
            row = zeros + v * down + i * dilation[0] - top
            column = zeros + w * stride[1] + j * dilation[1] - left
            got[:, :, v, w] += x[:, :, row, column] @ kernel[:, :, i, j].T
        if wrong := int((got != y).sum()):
            found[number] = f"case {number}: {wrong} of {y.size} numbers are wrong"
    return found


@pytest.mark.parametrize("language", ["c", "js"])
def test_the_program_of_the_docs_finds_a_right_convolution_right(language, folder):
    assert expected("none") == {}
    assert run(language, program(language), folder) == (0, [f"{COUNT} of {COUNT} cases are right"], "")


@pytest.mark.parametrize("mistake", SHARED)
@pytest.mark.parametrize("language", ["c", "js"])
def test_a_planted_mistake_is_reported_by_case(language, mistake, folder):
    text, (right, wrong) = program(language), SHARED[mistake][language]
    assert text.count(right) == 1
    status, lines, _ = run(language, text.replace(right, wrong), folder)
    cases = expected(mistake)
    assert (status, lines) == (1, [*cases.values(), f"{COUNT - len(cases)} of {COUNT} cases are right"])
    assert 0 < len(cases) < COUNT
    uneven = {number for number in cases if number < DRAWN and number % 2 == 0}
    assert uneven


@pytest.mark.parametrize("language", ["c", "js"])
def test_another_format_or_order_of_axes_is_refused(language, folder, tmp_path):
    text = (folder / "vectors.txt").read_text(encoding="utf-8")
    for old, new in (("npconv-vectors 2", "npconv-vectors 3"), ("x NCHW", "x NHWC")):
        (tmp_path / "vectors.txt").write_text(text.replace(old, new, 1), encoding="utf-8")
        status, _, error = run(language, program(language), tmp_path)
        assert status not in (0, None)
        assert "format 2" in error or "another order of axes" in error
