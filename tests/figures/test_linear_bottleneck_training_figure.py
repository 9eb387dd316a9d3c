"""The drawn curves are the runs', the medians, the table and the comparisons are theirs, and words follow from them."""

import inspect
import math
import random
import statistics
from dataclasses import fields
from itertools import product
from typing import Any

import numpy as np
import pytest
from made import ENDS, made_results
from matplotlib.text import Text

from npconv.figures import Figure, linear_bottleneck_training
from npconv.figures.files import data_text
from npconv.figures.linear_bottleneck_training import NAMES
from npconv.figures.parts.training_runs import CLASSES, SETTINGS
from npconv.training.fig07 import COMPARISONS, FULL, QUICK, VARIANTS, Settings, variant_network

COLUMNS = ("median", "mean", "standard deviation", "lowest", "highest", "seeds")
STUDENT = {2: 12.706, 10: 2.262}  # the t of a table, for so many seeds


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return made_results()


@pytest.fixture(scope="module")
def figure(results: dict[str, Any]) -> Figure:
    return linear_bottleneck_training(results)


def accuracies(results: dict[str, Any], variant: str) -> list[list[float]]:
    """A list for each seed, in %."""
    runs = {(run["variant"], run["seed"]): run["test_accuracy"] for run in results["runs"]}
    return [[100 * a for a in runs[variant, seed]] for seed in results["seeds"]]


def artists(figure: Figure, gid: str) -> list[Any]:
    return [a for axes in figure.figure.axes for a in (*axes.lines, *axes.texts) if a.get_gid() == gid]


def texts(figure: Figure) -> list[str]:
    return [
        text.get_text()
        for text in (*figure.figure.texts, *(text for axes in figure.figure.axes for text in axes.texts))
    ]


def test_curves_and_medians_are_those_of_the_runs(figure: Figure, results: dict[str, Any]) -> None:
    for variant in VARIANTS:
        curves = accuracies(results, variant)
        assert figure.data["curves"][variant] == curves
        assert figure.data["medians"][variant] == [statistics.median(each) for each in zip(*curves, strict=True)]
    assert figure.data["steps"] == results["runs"][-1]["step"]


def test_the_table_is_that_of_the_last_accuracies(figure: Figure, results: dict[str, Any]) -> None:
    written = texts(figure)
    for row, variant in zip(figure.data["final"], VARIANTS, strict=True):
        ends = [curve[-1] for curve in accuracies(results, variant)]
        numbers = [statistics.median(ends), statistics.mean(ends), statistics.stdev(ends), min(ends), max(ends), 10]
        assert row["network"] == variant
        assert [row[name] for name in COLUMNS] == pytest.approx(numbers)
        at = written.index(VARIANTS[variant])
        spread = f"{min(ends):.1f} to {max(ends):.1f}"
        assert written[at + 1 : at + 6] == [*(f"{number:.1f}" for number in numbers[:3]), spread, "10"]


@pytest.mark.parametrize("seeds", [2, 10])
@pytest.mark.usefixtures("undrawn")
def test_comparisons_are_paired_by_seed(seeds: int) -> None:
    results = made_results(seeds=seeds, evaluations=2)
    comparisons = linear_bottleneck_training(results).data["comparisons"]
    for comparison, (first, second) in zip(comparisons, COMPARISONS, strict=True):
        both = zip(accuracies(results, first), accuracies(results, second), strict=True)
        differences = [one[-1] - other[-1] for one, other in both]
        mean = statistics.mean(differences)
        half = STUDENT[seeds] * statistics.stdev(differences) / math.sqrt(seeds)
        flipped = [
            abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
            for signs in product((1, -1), repeat=seeds)
        ]  # fmt: skip
        assert comparison["differences"] == pytest.approx(differences)
        assert comparison["mean"] == pytest.approx(mean)
        assert comparison["95 % interval"] == pytest.approx([mean - half, mean + half], rel=1e-3, abs=2e-3)
        assert comparison["wins"] == sum(d > 0 for d in differences)
        assert comparison["p"] == sum(f >= abs(sum(differences)) - 1e-9 for f in flipped) / 2**seeds


@pytest.mark.usefixtures("undrawn")
def test_the_order_of_the_runs_does_not_matter(figure: Figure, results: dict[str, Any]) -> None:
    shuffled = {**results, "runs": random.Random(3).sample(results["runs"], len(results["runs"]))}
    assert linear_bottleneck_training(shuffled).data == figure.data


def test_there_is_a_thin_line_for_each_run_and_a_thick_one_for_each_median(figure: Figure) -> None:
    looks = {}
    for axes, names in zip(figure.figure.axes[:2], NAMES, strict=True):
        for variant in names:
            thin = [line for line in axes.lines if line.get_gid() == f"seed-{variant}"]
            (thick,) = (line for line in axes.lines if line.get_gid() == f"median-{variant}")
            assert [list(line.get_ydata()) for line in thin] == figure.data["curves"][variant]
            assert list(thick.get_ydata()) == figure.data["medians"][variant]
            for line in (*thin, thick):
                assert list(line.get_xdata()) == figure.data["steps"]
                assert (line.get_color(), line.get_linestyle()) == (thick.get_color(), thick.get_linestyle())
            assert thick.get_linewidth() > 2 * max(line.get_linewidth() for line in thin)
            look = (thick.get_color(), thick.get_linestyle(), thick.get_marker())
            assert looks.setdefault(variant, look) == look  # the linear network's in both plots
            (sample,) = artists(figure, f"sample-{variant}")
            assert (sample.get_color(), sample.get_linestyle(), sample.get_marker()) == look
    assert [len(set(each)) for each in zip(*looks.values(), strict=True)] == [4, 4, 4]
    assert sum(len(artists(figure, f"seed-{variant}")) for variant in VARIANTS) == 5 * 10
    assert figure.figure.axes[0].get_ylim() == figure.figure.axes[1].get_ylim()


def test_lines_end_in_their_names_and_medians(figure: Figure) -> None:
    medians = {variant: f"{curve[-1]:.1f} %" for variant, curve in figure.data["medians"].items()}
    for axes, names in zip(figure.figure.axes[:2], NAMES, strict=True):
        labels = {text.get_gid(): text.get_text() for text in axes.texts}
        for variant, name in names.items():
            again = ", as linear in (a)" if name == "between bottlenecks" else ""
            assert labels[f"end-{variant}"] == f"{name}\nmedian {medians[variant]}{again}"
        assert labels["end-chance"] == "chance 10 %"
        heights = {text.get_gid(): Text.get_window_extent(text).y0 for text in axes.texts}
        ends = {f"end-{variant}": figure.data["medians"][variant][-1] for variant in names} | {"end-chance": 10}
        assert sorted(heights, key=heights.__getitem__) == sorted(ends, key=ends.__getitem__)
        (chance,) = (line for line in axes.lines if line.get_gid() == "chance")
        assert list(chance.get_ydata()) == [10, 10]


def test_each_seeds_difference_has_a_marker_of_its_own(figure: Figure) -> None:
    rows = []
    for i, comparison in enumerate(figure.data["comparisons"]):
        (markers,), (bar,), (mean,) = (artists(figure, f"{name}-{i}") for name in ("differences", "interval", "mean"))
        assert list(markers.get_xdata()) == comparison["differences"]
        assert list(bar.get_xdata()) == comparison["95 % interval"]
        assert list(mean.get_xdata()) == [comparison["mean"]]
        assert min(bar.get_ydata()) == mean.get_ydata()[0] > max(markers.get_ydata())  # the axis goes down
        places = markers.axes.transData.transform(np.stack(markers.get_data(), axis=-1)) / markers.figure.dpi
        apart = np.linalg.norm(places[:, None] - places, axis=-1) + np.eye(len(places))
        assert apart.min() > 0.05  # inches; a marker is 0.07 wide
        rows.append(mean.get_ydata()[0])
        (median,) = artists(figure, f"sample-{comparison['second']}")
        assert (markers.get_marker(), markers.get_markeredgecolor()) == (median.get_marker(), median.get_color())
    assert rows == sorted(rows)
    (zero,) = artists(figure, "zero")
    assert list(zero.get_xdata()) == [0, 0]


def test_beside_the_markers_stand_their_numbers(figure: Figure) -> None:
    differences = figure.figure.axes[2]
    for i, comparison in enumerate(figure.data["comparisons"]):
        (numbers,) = artists(figure, f"numbers-{i}")
        (verdict,) = artists(figure, f"verdict-{i}")
        mean, low, high = (f"{n:+.1f}".replace("-", "−") for n in (comparison["mean"], *comparison["95 % interval"]))
        ahead = f"first ahead in {comparison['wins']} of 10, p = {comparison['p']:.3f}"
        assert numbers.get_text() == f"mean {mean}, 95 % interval {low} to {high}\n{ahead}"
        assert numbers.xy == verdict.xy == (1, differences.get_yticks()[i])


def test_equal_differences_are_drawn_one_above_another() -> None:
    figure = linear_bottleneck_training(made_results(seeds=7, evaluations=2, deviation=0))
    for i in range(3):
        (markers,) = artists(figure, f"differences-{i}")
        assert len(set(markers.get_xdata())) == 1
        assert len(set(markers.get_ydata())) == 7


def test_the_caption_knows_all_settings_and_chance_the_number_of_classes() -> None:
    assert set(SETTINGS) == {field.name for field in fields(Settings)}
    assert inspect.signature(variant_network).parameters["classes"].default == CLASSES


@pytest.mark.parametrize(
    ("linear", "relu6", "verdict", "words", "claim"),
    [
        (0.6, 0.4, "first", "linear is better",
         "those with a linear bottleneck end higher than those with ReLU6 in the bottleneck: +"),
        (0.4, 0.6, "second", "ReLU6 is better",
         "those with ReLU6 in the bottleneck end higher than those with a linear bottleneck: +"),
        (0.5, 0.5, "open", "open: may be chance",
         "whether those with a linear bottleneck or those with ReLU6 in the bottleneck end higher is open: first"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("undrawn")
def test_words_follow_from_the_runs(linear: float, relu6: float, verdict: str, words: str, claim: str) -> None:
    ends = {**ENDS, "linear": linear, "relu6": relu6}
    figure = linear_bottleneck_training(made_results(seeds=9, evaluations=3, ends=ends))
    comparison = figure.data["comparisons"][0]
    assert comparison["verdict"] == verdict
    assert claim in figure.caption
    assert f"{comparison['wins']} of 9 above 0, {words}" in figure.alt


def test_of_all_three_comparisons_the_better_one_is_named_and_its_interval_is_above_0() -> None:
    figure = linear_bottleneck_training(made_results(evaluations=2, ends={**ENDS, "expansions": 0.3, "none": 0.9}))
    assert [artists(figure, f"verdict-{i}")[0].get_text() for i in (1, 2)] == [
        "between bottlenecks is better", "no shortcut is better",
    ]  # fmt: skip
    comparison = figure.data["comparisons"][2]
    low, high = (-end for end in comparison["95 % interval"])
    for claim in (
        "those with shortcuts between bottlenecks end higher than those with shortcuts between expansions: +",
        "those with no shortcuts end higher than those with shortcuts between bottlenecks: +",
        f"+{-comparison['mean']:.1f} percentage points, 95 % interval +{high:.1f} to +{low:.1f}",
    ):
        assert claim in figure.caption
    assert f"−{low:.1f} to −{high:.1f}" in artists(figure, "numbers-2")[0].get_text()


def test_it_says_what_was_trained_on_what_and_how_often(figure: Figure, results: dict[str, Any]) -> None:
    for part in (results["data"], "not ImageNet", f"{FULL.blocks} inverted residuals", "k = 6, t = 6"):
        assert part in figure.caption
        assert part in " ".join(" ".join(texts(figure)).split())
    assert "10 seeds (100 to 109)" in figure.caption
    assert f"{FULL.train_images:,} images to train" in figure.caption
    assert f"600 steps of {FULL.batch_size} images" in figure.caption
    assert "each of 10 seeds" in figure.alt
    for row in figure.data["final"]:
        assert f" {row['median']:.1f} %" in figure.alt


@pytest.mark.usefixtures("undrawn")
def test_other_settings_are_told_as_they_are() -> None:
    figure = linear_bottleneck_training(made_results(seeds=2, evaluations=2, settings=QUICK))
    for part in ("2 seeds (100, 101)", f"{QUICK.blocks} inverted residuals", f"{QUICK.train_images:,} images to train"):
        assert part in figure.caption
    assert "p is 0.5 at least, and all stays open" in figure.caption


@pytest.mark.parametrize(("seeds", "words"), [(5, "too few seeds to tell"), (6, "open: may be chance")])
@pytest.mark.usefixtures("undrawn")
def test_with_too_few_seeds_for_any_verdict_it_says_so(seeds: int, words: str) -> None:
    ends = {**ENDS, "linear": 0.5, "none": 0.5}
    figure = linear_bottleneck_training(made_results(seeds=seeds, evaluations=2, ends=ends))
    assert words in figure.alt
    assert (" is better" in figure.alt) == (seeds == 6)
    assert ("and all stays open" in figure.caption) == (seeds == 5)


def test_one_seed_has_no_interval_and_says_so() -> None:
    figure = linear_bottleneck_training(made_results(seeds=1, evaluations=1))
    assert [each["95 % interval"] for each in figure.data["comparisons"]] == [None] * 3
    assert [row["standard deviation"] for row in figure.data["final"]] == [None] * 4
    assert not artists(figure, "interval-0")
    assert len(artists(figure, "verdict-0")) == 1
    assert texts(figure).count("none") == 4
    assert "95 % interval none" in artists(figure, "numbers-0")[0].get_text()
    assert "one seed" in figure.alt
    data_text(figure)  # is plain JSON, without an infinity


def test_accuracies_of_0_and_100_percent_are_inside_the_plots() -> None:
    figure = linear_bottleneck_training(made_results(seeds=3, ends={**ENDS, "linear": -9, "relu6": 9}))
    low, high = figure.figure.axes[0].get_ylim()
    assert [figure.data["medians"][variant][-1] for variant in ("linear", "relu6")] == [0, 100]
    assert low < 0 < 100 < high
