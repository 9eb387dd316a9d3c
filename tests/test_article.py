"""The claims of the article and of its sources, one test each: computed, the verdict is the one that the docs give."""

import dataclasses
import inspect
import pkgutil
import re
from contextlib import nullcontext
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from computed import finding_of
from public import names_of
from undrawn import undrawn

import npconv
from npconv.claims import CLAIMS, SOURCES, as_markdown, of, subspaces
from npconv.claims.table import ARCHITECTURE, INVERTED, OVERVIEW, SEPARABLE
from npconv.cli import reproduce
from npconv.figures import BUILDERS
from npconv.layers import Layer

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = (DOCS / "figures.md").read_text(encoding="utf-8")
ALL = list({claim.name: claim for source in SOURCES for claim in of(source)}.values())


@pytest.mark.parametrize("claim", ALL, ids=lambda claim: claim.name)
def test_claim(claim):
    with undrawn() if re.match(r"v\d_table_", claim.name) else nullcontext():  # a paper's tables count
        found = finding_of(claim)
    assert found.verdict == claim.verdict, found.numbers
    assert all(found.numbers)


def test_each_claim_has_one_of_the_four_verdicts():
    assert all(
        claim.verdict in ("holds", "fails", "reported")
        or claim.verdict.startswith(("holds if ", "fails: ", "reported: "))
        for claim in ALL
    )
    assert len(CLAIMS) >= 20


def test_each_claim_has_a_name_of_its_own():
    for source in SOURCES:
        claims = of(source)
        assert len({claim.name for claim in claims}) == len(claims)
    assert len({claim.compute for source in SOURCES for claim in of(source)}) == len(ALL)


def test_the_sources_are_those_of_the_command():
    assert tuple(SOURCES) == reproduce.SOURCES
    with pytest.raises(ValueError, match=r"^of: source must be one of article, .*; got 'v4'$"):
        of("v4")
    with pytest.raises(ValueError, match=r"^as_markdown: source must be one of article, .*; got None$"):
        as_markdown(source=None)


@pytest.mark.parametrize("claim", ALL, ids=lambda claim: claim.name)
def test_a_claim_is_carried_by_public_functions_that_it_uses(claim):
    assert claim.functions or claim.verdict.startswith("reported: ")
    assert len(set(claim.functions)) == len(claim.functions)
    used = inspect.getsource(inspect.getmodule(claim.compute))
    for name in claim.functions:
        module, _, last = name.rpartition(".")
        assert callable(pkgutil.resolve_name(f"{module}:{last}"))
        assert not any(part.startswith("_") for part in name.split("."))
        assert last in names_of(pkgutil.resolve_name(module))
        assert re.search(rf"\b{last}\(|\b{last}[,)]", used), f"{name} is not used"


def test_a_claim_s_figures_are_on_the_figures_page():
    assert {name for claim in ALL for name in claim.figures} <= set(BUILDERS)
    page = "".join(as_markdown(FIGURES, source) for source in SOURCES)
    assert all(f"[{name}](figures.md#{name}-" in page for claim in ALL for name in claim.figures)
    headings = re.findall(r"^#+ (.*)$", FIGURES, flags=re.MULTILINE)
    kept = "abcdefghijklmnopqrstuvwxyzᵣᵥ0123456789-_ "  # of a heading, in its anchor on the repository's page
    anchors = {"".join(c for c in heading.lower() if c in kept).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"figures\.md#([^)]+)", page)) <= anchors


@pytest.mark.parametrize("source", SOURCES)
def test_the_docs_give_these_verdicts(source):
    page = (DOCS / "claims.md").read_text(encoding="utf-8")
    table = as_markdown(FIGURES, source)
    assert table in page
    assert {line.count("|") for line in table.splitlines()} == {5}


def test_the_claims_stand_section_by_section_in_the_article_s_order():
    sections = [claim.section for claim in CLAIMS]
    assert sections == sorted(sections, key=[OVERVIEW, SEPARABLE, INVERTED, ARCHITECTURE].index)


@pytest.mark.parametrize("source", SOURCES)
def test_the_claims_of_a_source_stand_section_by_section(source):
    sections = [section for section, _ in groupby(of(source), key=lambda claim: claim.section)]
    assert len(set(sections)) == len(sections)


# what is computed from numbers that are not finite has no verdict


def spoilt(value):
    """A result with NaN for every float in it."""
    if isinstance(value, np.ndarray):
        return np.full_like(value, np.nan) if value.dtype.kind in "fc" else value
    if isinstance(value, float | np.floating):
        return np.nan
    if isinstance(value, dict):
        return {name: spoilt(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return getattr(value, "_make", type(value))(map(spoilt, value))
    if isinstance(value, Layer):
        value = value.copy()
        value.load_arrays(spoilt(value.arrays()))
        return value
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **spoilt(vars(value)))
    return value


def finite(value):
    """True where all numbers in a value are finite: in an array, a collection, a layer, or a dataclass's fields."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())
    if isinstance(value, float | complex | np.inexact):
        return bool(np.isfinite(value))
    if isinstance(value, Layer):
        value = value.arrays()
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return all(map(finite, value.flat if isinstance(value, np.ndarray) else value))
    return isinstance(value, type) or not dataclasses.is_dataclass(value) or all(map(finite, vars(value).values()))


ON_SHAPES_AND_COUNTS = [
    "the_shapes_of_a_standard_convolution",
    "the_two_readings_agree",
    "each_channel_is_filtered_n_times",
    "the_separable_convolution_is_factored",
    "the_ratio_of_the_costs",
    "n_is_often_greater_than_the_square",
    "the_shapes_of_table_1",
    "the_network_is_the_table_of_fig_9",
    "the_networks_projections_reduce",
    "bai_size_of_the_output",
]


BY_KERNELS = [claim for claim in ALL if claim in CLAIMS or any(name.count(".") == 1 for name in claim.functions)]


@pytest.mark.parametrize("claim", BY_KERNELS, ids=lambda claim: claim.name)
def test_a_claim_of_numbers_that_are_not_finite_is_not_judged(claim, monkeypatch):
    """Every float that a function gives to the claim's module is NaN; where no float counts the verdict stays."""
    floats = []

    def spoil(function):
        def spoiling(*args, **kwargs):
            result = function(*args, **kwargs)
            floats.append(not finite(spoilt(result)))
            return spoilt(result)

        return spoiling

    module = inspect.getmodule(claim.compute)
    own = [(module, name) for name in vars(module) if name not in ("claim", "finding", "count_operations")]
    for place, name in own + [(npconv, name) for name in names_of(npconv)]:
        if inspect.isfunction(inspect.unwrap(getattr(place, name))):
            monkeypatch.setattr(place, name, spoil(getattr(place, name)))
    try:
        verdict = claim.compute().verdict
    except (ValueError, TypeError, AssertionError):
        verdict = "an error"
    assert (verdict == claim.verdict) == (not any(floats) or claim.name in ON_SHAPES_AND_COUNTS), verdict


def test_images_that_are_not_finite_are_not_judged_by_what_a_network_says_of_them(monkeypatch):
    images = subspaces.scattered_digits
    monkeypatch.setattr(subspaces, "scattered_digits", lambda **sizes: spoilt(images(**sizes)))
    found = subspaces.features_live_in_few_dimensions()
    assert found.verdict == "not judged, as it is not finite: images"
    assert any("says of 100% of 256 images" in line for line in found.numbers)  # NaN, and so always the first class
