"""The site's build: whole or not at all, and a mistake on a page ends it."""

import re

import pytest

from npconv.site import build, extension
from npconv.site.build import build_site, run_sphinx
from npconv.site.pages import linked

MISTAKES = {  # what a page of the docs says, and what is said of it
    "[a page](costs-of-nothing.md)": "costs-of-nothing.md",
    "[an anchor](other.md#nowhere)": "nowhere",
    "[its own](#nowhere-here)": "nowhere-here",
    "[a file](../npconv/nothing.py)": "npconv/nothing.py",
    "[a line](../npconv/text.py#L99999)": "repository:npconv/text.py#L99999",
    "[no line](../npconv/text.py#first)": "repository:npconv/text.py#first",
    "![a picture](../figures/nothing.svg)": "nothing.svg",
    "```python\nx = 1 ?\n```": 'as "python"',
    "$$\\left( x$$": "left",
}


pytestmark = pytest.mark.usefixtures("extra_docs")


@pytest.fixture
def few_sources(monkeypatch):
    """Only the sources that pages link to, and no exercises, as there are many others."""
    monkeypatch.setattr(extension, "PARTS", ())
    monkeypatch.setattr(extension, "collect_pages", lambda app: ())


def staged(text):
    """A stand-in for `stage` that writes three small pages, one of them with a text."""

    def stage(source, others):
        source.mkdir()
        (source / "index.md").write_text("# Front\n\n```{toctree}\nplanted\nother\n```\n", encoding="utf-8")
        (source / "other.md").write_text("# Other\n\n## Somewhere\n", encoding="utf-8")
        (source / "planted.md").write_text(f"# Planted\n\n{text}\n", encoding="utf-8")

    return stage


def test_a_planted_mistake_is_said(tmp_path, few_sources):
    source = tmp_path / "source"
    staged("")(source, {})
    for number, text in enumerate(MISTAKES):
        page = f"---\norphan: true\n---\n\n# Planted\n\n{linked('docs/planted.md', text)}\n"
        (source / f"mistake{number}.md").write_text(page, encoding="utf-8")
    (source / "lost.md").write_text("# On no page\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^build_site: the pages must have no mistakes; got\n") as caught:
        run_sphinx(source, tmp_path / "site")
    said = str(caught.value)
    for number, words in enumerate(MISTAKES.values()):
        assert re.search(rf"(?m)^mistake{number}\.md.*{re.escape(words)}", said), (words, said)
    assert re.search(r"(?m)^lost\.md.*toctree", said)
    assert str(tmp_path) not in said
    assert not re.search(r"(?m)^(index|planted|other)\.md", said)


def test_a_site_is_replaced_whole_or_not_at_all(tmp_path, few_sources, monkeypatch):
    out = tmp_path / "site"
    good = linked("docs/planted.md", "[line 3](../npconv/text.py#L3), [data](../npconv/data/fig07.json)")
    monkeypatch.setattr(build, "stage", staged(good))
    build_site(out)
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    text = (out / "planted.html").read_text(encoding="utf-8")
    assert 'href="source/npconv/text.py.html#L3"' in text
    assert 'href="files/npconv/data/fig07.json"' in text
    (out / "stale.html").write_text("of an older site", encoding="utf-8")
    monkeypatch.setattr(build, "stage", staged("[a page](nowhere.md)"))
    with pytest.raises(ValueError, match="nowhere"):
        build_site(out)
    assert (out / "planted.html").read_text(encoding="utf-8") == text
    monkeypatch.setattr(build, "stage", staged(good))
    build_site(out)
    assert {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert list(tmp_path.iterdir()) == [out]


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"^build_site: out must be missing, empty or a site; "):
        build_site(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_without_a_clone_there_is_nothing_to_build(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^build_site: the site is built in a clone of npconv"):
        build_site(tmp_path / "site")


def test_a_command_that_fails_is_said(tmp_path, few_sources, monkeypatch):
    monkeypatch.setattr(build, "stage", staged("`npconv step standard --kernel 99`"))
    with pytest.raises(ValueError, match="npconv step: "):
        build_site(tmp_path / "site")
    assert list(tmp_path.iterdir()) == []
