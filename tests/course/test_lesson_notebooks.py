"""The lessons, and the notebooks that are made of them."""

import ast
import base64
import html
import json
import posixpath
import re
from pathlib import Path

import pytest
from write_outputs import BLANK

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
for i in range(y):
    print(i)
```

```text
0
1
2
```

```text
no output
```

```python
z = ...  # a blank
print(z)
```

<details>
<summary>Answer</summary>

Three.

```python
z = 3
```

</details>

<details>
<summary>Aside</summary>

### Folded

```python
print("folded")
```

```text
folded
```

And more.

```python
w = 2
```

</details>

The end.

<details>
<summary>Numbers</summary>

```python
print(w)
```

```text
2
```

</details>

<details>
<summary>No code</summary>

A line.

</details>

### The last heading

And its text.
"""
FOLDED = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
NOT_YET = "Not yet: put your answer in the place of the ... and run this again.\n"


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
        assert cell["metadata"] == {} or (code and cell["metadata"] == FOLDED)
        assert cell["source"]
        lines = [*cell["source"]]
        for output in cell.get("outputs", []):
            assert set(output) == {"output_type", "name", "text"}
            assert (output["output_type"], output["name"]) == ("stream", "stdout")
            lines += output["text"]
        assert cell.get("execution_count") is None
        assert all(type(line) is str and line and "\n" not in line[:-1] for line in lines)
        assert all(line.endswith("\n") for line in cell["source"][:-1])


def _code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _markdown(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def _text(lines):
    return "".join(lines)


def _shown(cell):
    return "".join(_text(output["text"]) for output in cell["outputs"])


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_a_valid_notebook_whose_code_cells_are_its_blocks_with_what_they_print(name):
    notebook = _notebook(name)
    _assert_valid(notebook)
    answers = r"(?<=```)\n\n<details>\n<summary>Answer</summary>.*?</details>"  # directly after a cell
    page = re.sub(answers, "", lesson_text(name), flags=re.DOTALL)
    blocks = re.findall(r"```python\n(.*?)\n```(?:\n\n```text\n(.*?)```)?", page, flags=re.DOTALL)
    cells = _code(notebook)
    assert [(_text(cell["source"]), _shown(cell)) for cell in cells] == blocks
    folded = re.findall(
        r"^```python\n", "".join(re.findall(r"<details>.*?</details>", page, flags=re.DOTALL)), re.MULTILINE
    )
    assert len([cell for cell in cells if cell["metadata"] == FOLDED]) == len(folded)
    assert not any("```python" in text for text in _markdown(notebook) if "<summary>Answer</summary>" not in text)


@pytest.mark.parametrize("name", LESSONS)
def test_each_cell_shows_something_or_asks_for_something_or_defines_what_a_later_one_uses(name):
    cells = [(ast.parse(_text(cell["source"])), cell) for cell in _code(_notebook(name))]
    for number, (tree, cell) in enumerate(cells):
        if not _shown(cell) and not BLANK.search(_text(cell["source"])):
            defines = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
            assert all(isinstance(node, defines) for node in tree.body), _text(cell["source"])
            names = {
                name for node in tree.body for name in (
                    [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef)
                    else [alias.asname or alias.name for alias in node.names])
            }  # fmt: skip
            used = {
                node.id for later, _ in cells[number + 1 :] for node in ast.walk(later) if isinstance(node, ast.Name)
            }
            assert names & used, _text(cell["source"])


@pytest.mark.parametrize("name", LESSONS)
def test_the_things_to_try_are_blanks_with_a_folded_answer_below(name):
    page = lesson_text(name).split("\n## Things to try\n")[1].split("\n## ")[0]
    things = re.split(r"(?m)^### \d\. ", page)[1:]
    assert len(things) >= 4
    for thing in things:
        asked, *answers = re.split(r"\n<details>\n<summary>Answer</summary>\n", thing)
        *_, (block, after) = re.findall(r"```python\n(.*?)```(.*?)(?=```python|$)", asked, flags=re.DOTALL)
        assert BLANK.search(block), thing
        assert "check(" in block
        assert not after.strip(), "something is between a blank and its answer"
        assert [answer.count("```python") for answer in answers] == [1], thing


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


@pytest.mark.parametrize("name", LESSONS)
def test_a_lessons_notebook_runs_in_jupyter_and_prints_what_it_shows(name, tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.reads(as_notebook(name), as_version=4)
    nbformat.validate(notebook)
    ran = nbclient.NotebookClient(notebook.copy(), kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    for before, after in zip(_code(_notebook(name)), _code(ran.execute()), strict=True):
        if BLANK.search(after["source"]):
            assert set(_shown(after).splitlines(keepends=True)) == {NOT_YET}
        else:
            assert _shown(after) == _shown(before)


def test_a_page_becomes_these_cells(tmp_path, monkeypatch):
    _page(monkeypatch, tmp_path)
    notebook = _notebook(LESSONS[0])
    _assert_valid(notebook)
    kinds = "".join(cell["cell_type"][0] for cell in notebook["cells"])
    assert kinds == "mcmmmcmcmmccmcmm"
    first, part, svg, png, text, answer, aside, numbers, no_code, last = _markdown(notebook)
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
    assert text == "```text\nno output\n```"
    assert answer == "<details>\n<summary>Answer</summary>\n\nThree.\n\n```python\nz = 3\n```\n\n</details>"
    assert aside == "<details>\n<summary>Aside</summary>\n\n### Folded\n\nAnd more.\n\n</details>"
    assert numbers == "The end.\n\nNumbers"
    assert no_code == "<details>\n<summary>No code</summary>\n\nA line.\n\n</details>"
    assert last == "### The last heading\n\nAnd its text."
    plain, loop, blank, *folded = _code(notebook)
    assert (_text(plain["source"]), plain["outputs"]) == ("# no heading either\nx = 2\n\ny = x + 1", [])
    assert loop["outputs"] == [{"output_type": "stream", "name": "stdout", "text": ["0\n", "1\n", "2\n"]}]
    assert (blank["source"], blank["outputs"]) == (["z = ...  # a blank\n", "print(z)"], [])
    assert [cell["metadata"] for cell in (plain, loop, blank)] == [{}] * 3
    assert [cell["source"] for cell in folded] == [['print("folded")'], ["w = 2"], ["print(w)"]]
    assert [_shown(cell) for cell in folded] == ["folded\n", "", "2\n"]
    assert [cell["metadata"] for cell in folded] == [FOLDED] * 3


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
