"""The docs link each claim and each kernel to its line, and a claim's kernels are those to read."""

import re

import pytest
from public import names_of
from write_links import DOCS, PAGES

import npconv
from npconv.claims import SOURCES, of

CLAIMS = {claim.name: claim for source in SOURCES for claim in of(source)}


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_the_links_into_the_code_are_those_that_the_command_writes(page):
    assert PAGES[page](text_of(page)) == text_of(page), "run python tests/write_links.py"


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_the_line_where_the_definition_of_its_name_begins(page):
    links = re.findall(r"\[`(?:npconv\.)?(\w+)[^`]*`\]\((\.\./npconv/[^)#]*)#L(\d+)\)", text_of(page))
    assert len(links) > 60
    assert len(links) == len(re.findall(r"\.py#L", text_of(page)))
    for name, file, line in links:
        lines = (DOCS / file).read_text(encoding="utf-8").splitlines()[int(line) - 1 :]
        assert lines[0].startswith(("@", "def ")), (name, line)
        assert next(each for each in lines if each.startswith("def ")).startswith(f"def {name}("), (name, line)


def test_each_claim_is_linked_in_each_of_its_tables():
    page = text_of("claims.md")
    for name in CLAIMS:
        assert page.count(f"<br>[`{name}`](../npconv/claims/") == sum(
            name == claim.name for source in SOURCES for claim in of(source)
        ), name


def test_each_kernel_on_its_page_is_linked():
    named = set(re.findall(r"`(\w+)[(`]", text_of("kernels.md"))) & {*names_of(npconv)}
    assert len(named) > 50
    assert named == set(re.findall(r"\[`(\w+)[^`]*`\]\(\.\./npconv/kernels/", text_of("kernels.md")))


@pytest.mark.parametrize("page", PAGES)
def test_the_command_mends_a_line_that_is_another_and_a_name_without_a_link(page):
    text = text_of(page)
    other = re.sub(r"(?<=#L)\d+(?=\))", "7", text)
    assert other != text
    assert PAGES[page](other) == text
    bare = re.sub(r"\[(`[^`]*`)\]\(\.\./npconv/[^)]*\)", r"\1", text)
    assert bare != text
    assert PAGES[page](bare) == text


def ladders():
    """The fast functions of docs/kernels.md with their rungs to read, and all that are to be read."""
    found, read = {}, set()
    for row in text_of("kernels.md").split("\n| "):
        cells = [re.findall(r"`(\w+)`", cell) for cell in row.split(" | ")]
        if len(cells) == 4:
            read |= set(cells[1])
            for name in cells[2]:
                found[name] = {rung for rung in cells[1] if rung.startswith(f"{name}_")}
    return {name: rungs for name, rungs in found.items() if rungs and name not in read}, read


def test_all_rungs_are_on_the_page_of_the_kernels():
    rungs = {name for name in names_of(npconv) if name.endswith(("_loops", "_taps", "_im2col", "_per_channel"))}
    fast, read = ladders()
    assert rungs <= read
    assert fast.keys() >= {"conv2d", "conv2d_backward", "depthwise_conv2d", "transposed_conv2d", "conv3d_backward"}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_is_computed_by_a_rung_to_read(claim):
    """Where it is about the fast function, by both."""
    kernels = {name.removeprefix("npconv.") for name in claim.functions}
    for name, rungs in ladders()[0].items():
        assert name not in kernels or rungs & kernels, name
