"""The lessons have their parts, show npconv's code as it stands, and name exercises, steppers and lines that exist."""

import ast
import importlib
import inspect
import io
import pdb
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import npconv
from npconv.course.lessons import LESSONS

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
SHOWN = ("kernels", "cost", "checks", "layers", "models", "training")  # the parts of npconv that a page may show
STEPPING = ROOT / "docs" / "stepping.md"

Row = tuple[str, str, str, str, str]  # function, line, condition, expression, value


def text(lesson: str) -> str:
    return (ROOT / "docs" / "lessons" / f"{lesson}.md").read_text(encoding="utf-8")


def blocks(page: str, language: str = "python") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def bare(node: ast.AST) -> str:
    """A function or class without docstrings and annotations, in one form."""
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(part) is not None:
            part.body = part.body[1:] or [ast.Pass()]
        if isinstance(part, ast.FunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None

    class Plain(ast.NodeTransformer):
        def visit_AnnAssign(self, assignment: ast.AnnAssign) -> ast.AST:
            if assignment.value is None:
                return assignment  # a field: its annotation is what declares it
            return ast.Assign([assignment.target], assignment.value)

    return ast.unparse(ast.fix_missing_locations(Plain().visit(node)))


def comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def definitions(source: str) -> Iterator[tuple[str, str, list[str]]]:
    """Each function and class at the top of some code: its name, its code without docstring, its comments."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, bare(node), comments(ast.get_source_segment(source, node) or "")


@cache
def code_of_npconv() -> dict[str, list[tuple[str, list[str]]]]:
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for part in SHOWN:
        for path in (ROOT / "npconv" / part).rglob("*.py"):
            for name, code, remarks in definitions(path.read_text(encoding="utf-8")):
                found.setdefault(name, []).append((code, remarks))
    return found


def stale(page: str, current: dict[str, list[tuple[str, list[str]]]]) -> list[str]:
    """The functions of npconv that a page shows otherwise than they are."""
    wrong = []
    for block in blocks(page):
        if block.startswith(">>> "):
            continue
        for name, code, remarks in definitions(block):
            sources = current.get(name, [])
            if sources and not any(code == now and set(remarks) <= set(known) for now, known in sources):
                wrong.append(name)
    return wrong


def test_the_code_in_the_docs_is_that_of_npconv():
    current = code_of_npconv()
    for page in (ROOT / "README.md", *DOCS):
        assert stale(page.read_text(encoding="utf-8"), current) == [], page.name


def test_stale_code_is_noticed():
    current = code_of_npconv()
    source = inspect.getsource(npconv.conv2d_taps)
    assert stale(f"```python\n{source}```", current) == []
    for now, then in (
        ("+= tap", "= tap"),
        (" @ kernel[i, j]", " * kernel[i, j]"),
        ("(M, N)", "(N, M)"),
        ("=1,", "=2,"),
    ):
        source = re.sub(r"stride: Pair = 1", "stride=1", inspect.getsource(npconv.conv2d_taps))
        assert stale(f"```python\n{source.replace(now, then, 1)}```", current) == ["conv2d_taps"], then


def test_the_lessons_show_their_kernels():
    for lesson, names in (
        ("standard-convolution", "conv2d_loops per_channel_maps conv2d_per_channel conv2d_taps conv2d_im2col"),
        (
            "separable-convolution",
            "depthwise_conv2d_loops depthwise_conv2d_taps pointwise_conv2d depthwise_separable_conv2d "
            "factored_kernel factorize_kernel grouped_conv2d",
        ),
        (
            "backward",
            "conv2d_backward_loops conv2d_backward_taps depthwise_conv2d_backward_taps conv2d_backward_im2col "
            "pointwise_backward_unchecked depthwise_separable_conv2d_backward factored_kernel_backward",
        ),
        ("inverted-residual", "block_stages has_shortcut linear_block_kernel inverted_residual_backward"),
        ("network", "inverted_residual_rows divisible"),
        ("other-convolutions", "transposed_conv2d_loops column_then_row flattened_conv2d shuffled conv3d_taps"),
        ("segmentation", "resize_bilinear resize_bilinear_backward _matrices _weights"),
    ):
        shown = {
            name for block in blocks(text(lesson)) if not block.startswith(">>> ") for name, *_ in definitions(block)
        }
        assert set(names.split()) <= shown, lesson


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_its_parts(lesson):
    page = text(lesson)
    title, question, *_ = re.split(r"\n{2,}", page)
    assert title.startswith("# ")
    assert re.match(r"[^#!`|].*\?", question, flags=re.DOTALL), "a lesson begins with its question"
    headings = re.findall(r"^## (.+)$", page, flags=re.MULTILINE)
    assert [h for h in headings if h in ("Things to try", "Exercises")] == ["Things to try", "Exercises"]
    assert blocks(page)
    assert re.search(r"^!\[", page, flags=re.MULTILINE)
    exercises = page.split("## Exercises")[1]
    assert re.search(r"npconv\s+exercise\s+start", exercises)
    assert re.search(r"^1\. ", exercises, flags=re.MULTILINE)
    assert "npconv step " in page
    following = dict(pairwise(LESSONS)).get(lesson)
    assert following is None or f"]({following}.md" in page


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_the_docs_fold_away_is_rendered(page):
    """Markdown inside <details> needs an empty line after the summary, and before the end."""
    content = page.read_text(encoding="utf-8")
    folded = content.count("<details>")
    assert folded == content.count("</details>")
    assert folded == len(re.findall(r"\n\n<details>\n<summary>[^\n]+</summary>\n\n", content))
    assert folded == len(re.findall(r"\n\n</details>\n", content))


def test_the_exercises_and_steppers_that_the_docs_name_exist():
    from npconv.course.exercises import EXERCISES
    from npconv.course.steps import KINDS

    for page in (ROOT / "README.md", *DOCS):
        content = page.read_text(encoding="utf-8")
        for command, known in (
            ("exercise start", EXERCISES),
            ("step", KINDS),
            ("lesson", LESSONS),
            ("explain", npconv.__all__),
        ):
            names = re.findall(rf"npconv\s+{command.replace(' ', chr(92) + 's+')}\s+([a-z][a-z0-9_-]*)", content)
            assert set(names) <= set(known), (page.name, command)


def rows(page: str) -> Iterator[Row]:
    """The breakpoints that docs/stepping.md lists: `function:  line`, `when condition`, `expression  →  value`."""
    function = line = condition = ""
    for listed in "\n".join(blocks(page, "text")[1:]).splitlines():
        if listed.startswith("    when "):
            condition = listed.removeprefix("    when ")
        elif listed.startswith("     "):
            look, find = re.split(r" +→ +", listed.strip())
            yield function, line, condition, look, find
        elif listed:
            (function, line), condition = listed.split(":  "), "True"


def function_named(name: str) -> Callable[..., Any]:
    """A public kernel, or a function or method of a module of kernels."""
    first, *rest = name.split(".")
    for module in (
        npconv,
        *(
            importlib.import_module(f"npconv.kernels.{m}")
            for m in ("geometry", "standard", "pointwise", "blocks", "normalization")
        ),
    ):
        if hasattr(module, first):
            found = getattr(module, first)
            for attribute in rest:
                found = getattr(found, attribute)
            return found
    raise AssertionError(f"npconv has no {name}")


def number_of(line: str, function: Callable[..., Any]) -> int:
    """Where in its file the one line of a function stands that is this, but for a comment."""
    lines, first = inspect.getsourcelines(function)
    numbers = [first + i for i, candidate in enumerate(lines) if candidate.split("  #")[0].strip() == line]
    assert len(numbers) == 1, f"{function.__qualname__} has {len(numbers)} lines {line}"
    return numbers[0]


def stopped(script: str, breakpoints: list[Row]) -> list[str | None]:
    """Run a script as under a debugger: what each breakpoint's expression is where it stops for the first time."""
    found: list[str | None] = [None] * len(breakpoints)
    at: dict[CodeType, list[tuple[int, int]]] = {}
    for index, (name, line, *_) in enumerate(breakpoints):
        function = function_named(name)
        at.setdefault(function.__code__, []).append((number_of(line, function), index))

    def trace_lines(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            for number, index in at[frame.f_code]:
                _, _, condition, look, _ = breakpoints[index]
                new = number == frame.f_lineno and found[index] is None
                if new and eval(condition, frame.f_globals, frame.f_locals):
                    found[index] = repr(eval(look, frame.f_globals, frame.f_locals))
        return trace_lines

    before = sys.gettrace()
    code = compile(script, "play.py", "exec")
    sys.settrace(lambda frame, event, _: trace_lines if frame.f_code in at else None)
    try:
        exec(code, {"__name__": "play"})
    finally:
        sys.settrace(before)
    return found


def test_the_breakpoints_of_the_docs_stop_and_show_what_is_said():
    page = STEPPING.read_text(encoding="utf-8")
    breakpoints = list(rows(page))
    assert len(breakpoints) >= 25
    for row, found in zip(breakpoints, stopped(blocks(page)[0], breakpoints), strict=True):
        assert found is not None, f"never stopped: {row}"
        assert found == row[-1], row


def test_the_session_with_pdb_in_the_docs_goes_as_it_says():
    page = STEPPING.read_text(encoding="utf-8")
    session = blocks(page, "text")[0].splitlines()
    commands = [line.removeprefix("(Pdb) ") for line in session if line.startswith("(Pdb) ")]
    said = [line for line in session if not line.startswith("(Pdb) ")]
    output, before = io.StringIO(), sys.gettrace()
    debugger = pdb.Pdb(
        stdin=io.StringIO("\n".join((*commands, "quit", ""))), stdout=output, nosigint=True, readrc=False
    )
    try:
        debugger.run(compile(blocks(page)[0], "play.py", "exec"), {"__name__": "play"})
    finally:
        sys.settrace(before)
    shown = output.getvalue().replace("(Pdb) ", "").splitlines()
    assert said
    assert [line for line in shown if line in said] == said
