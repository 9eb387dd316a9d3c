"""The lessons, and the notebooks that are made of them."""

import ast
import base64
import contextlib
import doctest
import html
import io
import json
import posixpath
import re
from pathlib import Path

import pytest

from npconv import cli
from npconv.course import lessons
from npconv.course.lessons import LESSONS, as_notebook, lesson_text, lesson_title

ROOT = Path(__file__).parents[2]
PAGE = """# A page

Text with a [page](../costs.md#the-ratio), a [lesson](backward.md), [docs/notation.md](../notation.md), a
[part](#part) and [the web](https://example.org/a).

```sh
# no heading; [no](link.md)
npconv reproduce
```

```python
# no heading either
x = 2

y = x + 1
```
## Part

![a < b[0, 1] & "c"](../../figures/standard-convolution.svg)
![photograph](../../figures/per-channel-photograph.png)

```python
>>> def twice(n):
...     return 2 * n
>>> twice(y)
6
>>> for i in range(2):
...     print(i)
0
1
>>> print(y)
3
>>> x = 7

```

<details><summary>Answer</summary>

### Folded

```python
raise SystemExit
```

</details>

The end.

### The last heading

And its text.
"""


def _notebook(name):
    return json.loads(as_notebook(name))


def _page(monkeypatch, tmp_path, text=PAGE):
    """A lesson with this text in place of the first one, in a folder of its own."""
    page = tmp_path / "docs" / "lessons" / f"{LESSONS[0]}.md"
    page.parent.mkdir(parents=True)
    page.write_text(text, encoding="utf-8")
    (tmp_path / "figures").mkdir()
    for name in ("standard-convolution.svg", "per-channel-photograph.png"):
        (tmp_path / "figures" / name).write_bytes((ROOT / "figures" / name).read_bytes())
    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "npconv" / "course" / "lessons.py"))
    return page


def _assert_valid(notebook):
    """The fields that nbformat 4.5 asks for, and no others."""
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook["metadata"]["kernelspec"]) == {"display_name", "language", "name"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each) for each in ids)
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"id", "cell_type", "metadata", "source"} | code
        assert cell["cell_type"] in ("code", "markdown")
        assert cell["metadata"] == {}
        assert cell["source"]
        lines = [*cell["source"]]
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                assert set(output) == {"output_type", "name", "text"}
                lines += output["text"]
            else:
                assert set(output) == {"output_type", "execution_count", "metadata", "data"}
                assert output["output_type"] == "execute_result"
                lines += output["data"]["text/plain"]
        assert cell.get("execution_count") is None
        assert all(type(line) is str and line and "\n" not in line[:-1] for line in lines)
        assert all(line.endswith("\n") for line in cell["source"][:-1])


def _code(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _markdown(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def _blocks(text):
    """The code of a page's Python blocks that aren't folded away, each without blank lines."""
    unfolded = re.sub(r"<details.*?</details>", "", text, flags=re.DOTALL)
    for block in re.findall(r"```python\n(.*?)```", unfolded, flags=re.DOTALL):
        examples = doctest.DocTestParser().get_examples(block)
        yield "".join(example.source for example in examples) if ">>> " in block else block


def _run(notebook):
    """Run the code cells as a kernel does, in one namespace: what was left as outputs is what comes."""
    namespace = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            body = ast.parse("".join(cell["source"])).body
            last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
            printed, value = io.StringIO(), None
            with contextlib.redirect_stdout(printed):
                exec(compile(ast.Module(body, []), cell["id"], "exec"), namespace)
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), cell["id"], "eval"), namespace)
            for output in cell["outputs"]:
                stream = output["output_type"] == "stream"
                expected, came = (output["text"], printed.getvalue()) if stream else (
                    output["data"]["text/plain"], repr(value))  # fmt: skip
                assert doctest.OutputChecker().check_output("".join(expected), came, 0), (cell["id"], came)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_a_valid_notebook_whose_code_cells_are_its_blocks(name):
    notebook = _notebook(name)
    _assert_valid(notebook)
    squeezed = [re.sub(r"\n+", "\n", text).strip() for text in (
        "\n".join(_code(notebook)), "\n".join(_blocks(lesson_text(name))))]  # fmt: skip
    assert squeezed[0] == squeezed[1]
    assert squeezed[0]


@pytest.mark.parametrize("name", LESSONS)
def test_nothing_in_a_notebook_leads_out_of_it(name):
    for text in _markdown(_notebook(name)):
        unfenced = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)|src=\"([^\"]+)|^\[[^\]]+\]: (\S+)", unfenced, flags=re.MULTILINE):
            assert "".join(target).startswith(("https://", "data:image/")), target


@pytest.mark.parametrize("name", LESSONS)
def test_each_figure_of_a_lesson_lies_in_its_notebook_with_its_alt_text(name):
    page = lesson_text(name)
    figures = re.findall(r"!\[(.*?)\]\(([^)\s]+)\)", page)
    assert "![" in page
    inside = re.findall(r"<img alt=\"([^\"]*)\" src=\"data:([a-z/+]+);base64,([^\"]+)\">", "\n".join(
        _markdown(_notebook(name))))  # fmt: skip
    assert len(inside) == len(figures)
    for (alt, target), (alt_inside, _, data) in zip(figures, inside, strict=True):
        assert html.unescape(alt_inside) == alt
        assert base64.b64decode(data) == (ROOT / "docs" / "lessons" / target).read_bytes()


@pytest.mark.parametrize("name", sorted({*LESSONS} - {"network"}))  # it takes long, and test_docs.py runs its blocks
def test_a_lessons_notebook_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _run(_notebook(name))


def test_a_page_becomes_these_cells(tmp_path, monkeypatch):
    _page(monkeypatch, tmp_path)
    notebook = _notebook(LESSONS[0])
    _assert_valid(notebook)
    _run(notebook)
    kinds = "".join(cell["cell_type"][0] for cell in notebook["cells"])
    assert kinds == "mcmmmccccmm"
    first, part, svg, png, rest, last = _markdown(notebook)
    assert first.startswith(
        "# A page\n\nText with a page (`docs/costs.md`), a lesson (`npconv lesson backward`), docs/no"
    )
    assert first.endswith(
        "docs/notation.md, a\npart and [the web](https://example.org/a).\n\n"
        "```sh\n# no heading; [no](link.md)\nnpconv reproduce\n```"
    )
    assert part == "## Part"
    assert svg.startswith('<img alt="a &lt; b[0, 1] &amp; &quot;c&quot;" src="data:image/svg+xml;base64,')
    assert png.startswith('<img alt="photograph" src="data:image/png;base64,iVBOR')
    assert rest.startswith("<details><summary>Answer</summary>\n\n### Folded\n\n```python\nraise SystemExit\n```\n")
    assert rest.endswith("</details>\n\nThe end.")
    assert last == "### The last heading\n\nAnd its text."
    plain, shows, loops, prints, sets = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert "".join(plain["source"]) == "# no heading either\nx = 2\n\ny = x + 1"
    assert plain["outputs"] == []
    assert "".join(shows["source"]) == "def twice(n):\n    return 2 * n\ntwice(y)"
    assert shows["outputs"][0]["data"] == {"text/plain": ["6"]}
    assert loops["outputs"] == [{"output_type": "stream", "name": "stdout", "text": ["0\n", "1\n"]}]
    assert prints["outputs"] == [{"output_type": "stream", "name": "stdout", "text": ["3\n"]}]
    assert (sets["source"], sets["outputs"]) == (["x = 7"], [])


def test_the_same_lesson_gives_the_same_bytes(tmp_path):
    files = [tmp_path / "one.ipynb", tmp_path / "new" / "two.ipynb"]
    for file in files:
        assert cli.main(["lesson", "backward", "--notebook", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes() == as_notebook("backward").encode()


def test_the_lessons_are_listed_with_their_titles_and_printed(capsys):
    assert cli.main(["lesson", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(LESSONS)
    for name, line in zip(LESSONS, lines, strict=True):
        page = (ROOT / "docs" / "lessons" / f"{name}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {lesson_title(name)}\n")
        assert line.endswith(f"  {lesson_title(name)}")
        assert cli.main(["lesson", name]) == 0
        assert capsys.readouterr().out == page
    assert {path.stem for path in (ROOT / "docs" / "lessons").glob("*.md")} == set(LESSONS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lesson", "nets"], "NAME must be one of standard-convolution, separable-convolution, "),
        (["lesson"], "give a lesson's name, or --list; there are standard-convolution, "),
        (["lesson", "--list", "network"], "--list goes alone"),
        (
            ["lesson", "network", "--notebook", "network.json"],
            "--notebook must be a file that ends in .ipynb; got network",
        ),
        (
            ["lesson", "network", "--notebook", "/dev/null/network.ipynb"],
            "--notebook must be a file's path; got /dev/null",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, message, capsys):
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_lessons_are_said_to_be_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "npconv" / "course" / "lessons.py"))
    monkeypatch.setattr(lessons.metadata, "files", lambda name: None)
    assert cli.main(["lesson", "network"]) == 2
    assert "npconv lesson: the lesson network is missing: neither " in capsys.readouterr().err


def test_an_installation_finds_its_lessons_among_its_own_files(tmp_path, monkeypatch):
    page = _page(monkeypatch, tmp_path / "share" / "npconv")

    class File(type(Path())):
        def locate(self):
            return tmp_path / self

    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "lib" / "npconv" / "course" / "lessons.py"))
    (tmp_path / "METADATA").touch()
    files = [File("METADATA"), File(page.relative_to(tmp_path).as_posix())]
    monkeypatch.setattr(lessons.metadata, "files", lambda name: files)
    assert lesson_text(LESSONS[0]) == PAGE
    assert _notebook(LESSONS[0])["cells"]


def test_what_the_lessons_show_is_installed_with_them():
    tables = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    shipped = {path.relative_to(ROOT) for line in re.findall(r"^\"share/npconv/.*", tables, flags=re.MULTILINE)
               for pattern in re.findall(r"\"([^\"]+)\"", line)[1:] for path in ROOT.glob(pattern)}  # fmt: skip
    for name in LESSONS:
        assert Path(f"docs/lessons/{name}.md") in shipped
        for target in re.findall(r"!\[.*?\]\(([^)\s]+)\)", lesson_text(name)):
            assert Path(posixpath.normpath(f"docs/lessons/{target}")) in shipped
