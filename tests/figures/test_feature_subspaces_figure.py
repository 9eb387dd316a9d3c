"""The drawn lines are sums of the measured shares and the measured accuracies, and the words are their medians."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made import PLACES, made_subspaces
from matplotlib.text import Annotation
from plots import legend, named, note

from npconv.figures import Figure, feature_subspaces
from npconv.training.fig07.measurements import stored_subspaces


@pytest.fixture(scope="module", params=["what ships", "made"])
def case(request: pytest.FixtureRequest, default: Callable[[str], Figure]) -> tuple[dict[str, Any], Figure]:
    if request.param == "what ships":
        return stored_subspaces(), default("feature-subspaces")
    return made_subspaces(), feature_subspaces(made_subspaces())


def test_the_first_plot_adds_up_the_last_blocks_shares(case: tuple[dict[str, Any], Figure]) -> None:
    measured, figure = case
    drawn = named(figure.figure.axes[0])
    for state in ("trained", "untrained"):
        sums = []
        for run, thin in zip(measured["separable"], drawn[f"thin-{state}"], strict=True):
            shares = run[state][-1]
            sums.append([sum(shares[:count]) for count in range(len(shares) + 1)])
            np.testing.assert_allclose(thin.get_ydata(), sums[-1], atol=1e-12)
            np.testing.assert_array_equal(thin.get_xdata(), range(len(shares) + 1))
        np.testing.assert_allclose(drawn[f"line-{state}"][0].get_ydata(), np.median(sums, axis=0), atol=1e-12)


def test_dimensions_are_where_the_sum_reaches_95_per_cent(case: tuple[dict[str, Any], Figure]) -> None:
    measured, figure = case
    for state in ("trained", "untrained"):
        for run, row in zip(measured["separable"], figure.data["dimensions"][state], strict=True):
            for shares, count in zip(run[state], row, strict=True):
                assert sum(shares[: count - 1]) < 0.95 * sum(shares) <= sum(shares[:count]) + 1e-9
        middle = int(np.median([row[-1] for row in figure.data["dimensions"][state]]))
        assert f"{state}: 95 % in {middle} directions" in legend(figure.figure.axes[0])


def test_the_second_plot_has_every_accuracy(case: tuple[dict[str, Any], Figure]) -> None:
    measured, figure = case
    drawn = named(figure.figure.axes[1])
    for block in range(len(figure.data["enough"])):
        for kind in ("principal", "random"):
            rows = [run["kept"][kind][block] for run in measured["separable"]]
            (line,) = drawn[f"line-{kind}-{block}"]
            np.testing.assert_array_equal(line.get_xdata(), measured["settings"]["counts"])
            np.testing.assert_allclose(line.get_ydata(), np.median(rows, axis=0))
            if kind == "principal":
                np.testing.assert_array_equal([thin.get_ydata() for thin in drawn[f"thin-{kind}-{block}"]], rows)
    top = figure.figure.axes[1].get_ylim()[1]
    assert np.max([run["kept"]["principal"] for run in measured["separable"]]) <= top <= 1.06


def test_what_suffices_loses_two_points_at_the_most(case: tuple[dict[str, Any], Figure]) -> None:
    measured, figure = case
    counts = measured["settings"]["counts"]
    for block, count in enumerate(figure.data["enough"]):
        lost = [
            float(np.median([run["accuracy"] - run["kept"]["principal"][block][i] for run in measured["separable"]]))
            for i in range(len(counts))
        ]
        at = counts.index(count)
        assert max(lost[at:]) <= 0.02 + 1e-9
        assert at == 0 or lost[at - 1] > 0.02
        assert f"in block {block + 1}: {count} suffice" in legend(figure.figure.axes[1])


def test_the_third_plot_has_every_place(case: tuple[dict[str, Any], Figure]) -> None:
    measured, figure = case
    drawn = named(figure.figure.axes[2])
    for place in PLACES:
        for state, name in (("trained", place), ("untrained", f"{place}-untrained")):
            rows = [run["places"][place][state]["95 %"] for run in measured["inverted"]]
            (line,) = drawn[f"line-{name}"]
            np.testing.assert_array_equal(line.get_ydata(), np.median(rows, axis=0))
            np.testing.assert_array_equal(line.get_xdata(), range(1, len(rows[0]) + 1))


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ((0.1, 0.1, 0.8), "needs many of their directions, but for those of the last block."),
        ((0.8, 0.1, 0.8), "needs many of their directions, but for those of the last block."),
        ((0.1, 0.8, 0.8), "needs many of their directions, but for those of the last block."),
        ((0.8, 0.8, 0.8), "needs few of their directions."),
        ((0.8, 0.8, 0.1), "needs many of their directions."),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_the_claim_follows_from_the_numbers(levels: tuple[float, ...], words: str) -> None:
    measured = made_subspaces()
    for run in measured["separable"]:
        run["kept"]["principal"] = [[0.1, level, level, 0.8] for level in levels]
    assert words in feature_subspaces(measured).caption


def test_what_ships_shows_many_directions_and_what_the_classifier_sees(default: Callable[[str], Figure]) -> None:
    figure = default("feature-subspaces")
    assert "needs many of their directions, but for those of the last block" in figure.caption
    assert "linear classifier of 10 classes see 9 directions of it at the most" in figure.caption


def test_it_says_what_was_measured_on_what(case: tuple[dict[str, Any], Figure]) -> None:
    measured, figure = case
    settings, words, enough = measured["settings"], figure.caption, figure.data["enough"][0]
    assert "not ImageNet" in note(figure)
    assert f"“{enough} suffice”: with {enough} directions at most 2 points" in note(figure)
    for part in (
        f"Data: {measured['data']}; {settings['steps']} steps",
        f"{len(measured['separable'][0]['trained'])} depthwise separable blocks",
        f"of {settings['counts'][-1]} directions",
        f"{len(measured['inverted'][0]['places']['expanded']['trained']['95 %'])} inverted residuals",
        f"k = {settings['channels']}, t = {settings['expansion']}",
        f"{len(measured['separable'])} seeds",
    ):
        assert part in words


def test_horizontals_are_named_where_they_are(case: tuple[dict[str, Any], Figure]) -> None:
    measured, figure = case
    named = {
        text.get_text(): text.xy[1]
        for axes in figure.figure.axes[:2]
        for text in axes.texts
        if isinstance(text, Annotation)
    }
    assert named == {
        "95 %": 0.95,
        "chance": 0.1,
        f"all {measured['settings']['counts'][-1]}": np.median([run["accuracy"] for run in measured["separable"]]),
    }
    for axes in figure.figure.axes[:2]:
        level = {
            line.get_ydata()[0]
            for line in axes.lines
            if line.get_transform() == axes.get_yaxis_transform() and list(line.get_xdata()) == [0, 1]
        }
        assert level == {text.xy[1] for text in axes.texts if isinstance(text, Annotation)}
