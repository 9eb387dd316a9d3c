"""The drawn lines are the measured norms, from the last block back to the first, and the words are their medians."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made import made_gradients
from matplotlib.figure import Figure as MatplotlibFigure
from plots import legend, named, note

from npconv.figures import Figure, gradient_flow
from npconv.figures.parts.lines import decades, power_of_ten, times_text
from npconv.training.fig07.measurements import UNTRAINED

NORMALISED, PLAIN, KERAS = UNTRAINED
PANELS = ((NORMALISED,), (PLAIN, KERAS), ("trained",))


@pytest.fixture(scope="module")
def made() -> Figure:
    return gradient_flow(made_gradients())


@pytest.fixture(params=["what ships", "made"])
def figure(request: pytest.FixtureRequest, default: Callable[[str], Figure], made: Figure) -> Figure:
    return made if request.param == "made" else default("gradient-flow")


def panels(figure: Figure) -> list[list[dict[str, Any]]]:
    """The lines of each panel."""
    return [[line for kind in kinds for line in figure.data[kind]] for kinds in PANELS]


def test_each_seed_and_the_median_are_drawn_from_the_last_block_back(figure: Figure) -> None:
    for panel, lines in enumerate(panels(figure)):
        drawn = named(figure.figure.axes[panel])
        for i, line in enumerate(lines):
            (median,) = drawn[f"line-{i}"]
            np.testing.assert_array_equal(median.get_xdata(), np.arange(line["blocks"]))
            np.testing.assert_array_equal(median.get_ydata()[::-1], np.median(line["norms"], axis=0))
            np.testing.assert_array_equal([thin.get_ydata()[::-1] for thin in drawn[f"thin-{i}"]], line["norms"])
            assert line["median at the first block"] == median.get_ydata()[-1]
        assert figure.figure.axes[panel].get_yscale() == "log"


@pytest.mark.usefixtures("undrawn")
def test_the_data_are_what_was_measured() -> None:
    measured = made_gradients(depths=(9, 4))
    data = gradient_flow(measured).data
    for name, kind in UNTRAINED.items():
        assert [(line["network"], line["blocks"]) for line in data[name]] == [
            ("linear", 4), ("linear", 9), ("none", 4), ("none", 9),
        ]  # fmt: skip
        entries = {(e["variant"], e["blocks"]): e["norms"] for e in measured["untrained"] if kind.items() <= e.items()}
        assert all(line["norms"] == entries[line["network"], line["blocks"]] for line in data[name])
    for line in data["trained"]:
        runs = [run for run in measured["trained"] if run["variant"] == line["network"]]
        assert line["norms"] == [run["norms"][line["state"]] for run in runs]


def test_all_is_within_the_axes_and_lines_differ_by_more_than_colour(figure: Figure) -> None:
    for panel, lines in enumerate(panels(figure)):
        low, high = figure.figure.axes[panel].get_ylim()
        assert all(low <= value <= high for line in lines for row in line["norms"] for value in row)
        drawn = [named(figure.figure.axes[panel])[f"line-{i}"][0] for i in range(len(lines))]
        looks = {(a.get_linestyle(), a.get_marker(), a.get_markerfacecolor() == "white") for a in drawn}
        assert len(looks) == (2 if panel == 0 else 4)


def test_words_give_the_deepest_networks_medians(figure: Figure) -> None:
    for panel, lines in enumerate(panels(figure)):
        texts = " ".join(legend(figure.figure.axes[panel]))
        deepest = max(line["blocks"] for line in lines)
        for line in lines:
            if line["blocks"] == deepest:
                assert f"×{times_text(line['median at the first block'])}" in texts
                assert times_text(line["median at the first block"]) in figure.alt


@pytest.mark.parametrize(
    ("case", "claim"),
    [
        ({}, "Shortcuts keep the gradient's size; without them it grows with depth where there is batch normalisation "
             "and vanishes where there is none, exponentially."),
        ({"none": (1.5, 1.6)}, "without them it grows with depth, exponentially."),
        ({"none": (0.5, 0.6)}, "without them it vanishes with depth, exponentially."),
        ({"none": (1.5, 0.6, 1.6)}, "vanishes where there is none, but grows there with Keras's fans, exponentially."),
        ({"none": (1.01, 0.6)}, "Shortcuts do not keep the gradient's size in every one of these networks."),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("undrawn")
def test_the_claim_follows_from_the_numbers(case: dict[str, Any], claim: str) -> None:
    assert claim in gradient_flow(made_gradients(**case)).caption


def test_it_says_above_the_plots_what_was_trained_and_what_was_not(
    default: Callable[[str], Figure], made: Figure
) -> None:
    failed = gradient_flow(made_gradients(accuracies=(0.4, 0.11)))
    for figure, accuracies in ((failed, ("41 % with", "12 % without")), (made, ("26 % with", "26 % without"))):
        assert "not ImageNet" in note(figure)
        for part in ("Data: made digits.", "k = 3, t = 2", "over 6 blocks", "3 in (c)", "5 steps", *accuracies):
            assert part in figure.caption
        for part in accuracies:
            assert part in note(figure)
        for words in (note(figure), figure.caption):
            assert ("networks with no shortcuts did not train" in words) == (figure is failed)
    assert "of these the networks with no shortcuts did not train" in default("gradient-flow").caption


@pytest.mark.usefixtures("undrawn")
def test_growth_that_is_not_exponential_is_not_called_so() -> None:
    measured = made_gradients()
    for entry in measured["untrained"]:
        if entry["variant"] == "none" and entry["batch_norm"]:
            entry["norms"] = [[*[900.0] * (entry["blocks"] - 1), 1.0]]
    caption = gradient_flow(measured).caption
    assert "grows with depth" in caption
    assert "exponentially" not in caption


@pytest.mark.parametrize(
    ("exponents", "ticks"),
    [((0.2, 0.3), ["1", "10"]), ((-31, 1), ["10⁻³⁵", "10⁻³⁰", "10⁻²⁵", "10⁻²⁰", "10⁻¹⁵", "10⁻¹⁰", "10⁻⁵", "1", "10⁵"]),
     ((0, 3), ["1", "10", "10²", "10³"])],
)  # fmt: skip
def test_ticks_are_powers_of_ten_around_the_numbers(exponents: tuple[float, float], ticks: list[str]) -> None:
    axes = MatplotlibFigure().subplots()
    decades(axes, 10.0 ** exponents[0], 10.0 ** exponents[1])
    assert [label.get_text() for label in axes.get_yticklabels()] == ticks
    assert power_of_ten(-12) == "10⁻¹²"
