"""The verdicts on what was measured small follow from the runs."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from npconv.claims import bottlenecks, inverted, subspaces
from npconv.training.fig07 import FULL, STORED
from npconv.training.fig07.measurements import stored_gradients, stored_subspaces

Ends = dict[str, float]


def results(ends: Ends, blocks: int, step: int) -> dict[str, Any]:
    """Runs of eight seeds around final accuracies, in which the linear network gains a point with every depth."""
    runs = [
        {
            "variant": variant,
            "seed": seed,
            "test_accuracy": [0.1, end + (0.01 * (seed % 3) + 0.01 * step) * (variant == "linear")],
        }
        for variant, end in ends.items()
        for seed in range(8)
    ]
    settings = asdict(replace(FULL, blocks=blocks))
    return {"settings": settings, "data": "digits", "seeds": list(range(8)), "runs": runs}


def given(monkeypatch: pytest.MonkeyPatch, ends: dict[int, Ends], *, step: int = 0) -> None:
    """Let these be the stored results, by depth."""
    stored = {depth: results(ends[depth], depth, step * i) for i, depth in enumerate(sorted(ends))}
    monkeypatch.setattr(bottlenecks, "stored_results", stored.__getitem__)


@pytest.mark.parametrize(
    ("ends", "linear", "between"),
    [
        ({"linear": 0.6, "relu6": 0.5, "expansions": 0.5, "none": 0.4}, "holds if", "holds if"),
        ({"linear": 0.5, "relu6": 0.6, "expansions": 0.4, "none": 0.6}, "fails", "fails"),
        ({"linear": 0.5, "relu6": 0.5085, "expansions": 0.4, "none": 0.5085}, "reported", "holds if"),
    ],
)
def test_the_verdict_follows_from_the_runs(
    ends: Ends, linear: str, between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, dict.fromkeys(STORED, ends))
    for claim, verdict in (
        (bottlenecks.a_linear_bottleneck_is_better, linear),
        (bottlenecks.shortcuts_are_better_between_bottlenecks, between),
    ):
        found = claim()
        assert found.verdict.startswith(verdict)
        assert "4, 8 and 16 blocks" in found.numbers[0]
        assert "8 seeds" in found.numbers[0]
        assert ("8 seeds" in found.verdict) == (verdict == "holds if")
        assert ("it is open" in found.verdict) == (ends["none"] == 0.5085 and verdict == "holds if")


GOOD = {"linear": 0.6, "relu6": 0.5, "expansions": 0.5, "none": 0.4}


@pytest.mark.parametrize("depth", STORED)
def test_each_depth_counts(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {**dict.fromkeys(STORED, GOOD), depth: {**GOOD, "relu6": 0.7, "none": 0.6085}})
    assert bottlenecks.a_linear_bottleneck_is_better().verdict == "fails"
    found = bottlenecks.shortcuts_are_better_between_bottlenecks()
    assert found.verdict.endswith(f"against no shortcuts at {depth} blocks it is open")
    for blocks in STORED:
        assert sum(f", {blocks} blocks:" in line for line in found.numbers) == 2


def test_that_depth_adds_to_it_follows_from_all_depths(monkeypatch: pytest.MonkeyPatch) -> None:
    words = []
    for step in (1, 0):
        given(monkeypatch, dict.fromkeys(STORED, GOOD), step=step)
        words.append("the deeper, the more" in bottlenecks.shortcuts_are_better_between_bottlenecks().verdict)
    given(monkeypatch, {**dict.fromkeys(STORED, GOOD), 16: {**GOOD, "none": 0.5}}, step=1)
    words.append("the deeper, the more" in bottlenecks.shortcuts_are_better_between_bottlenecks().verdict)
    assert words == [True, False, False]


def test_low_dimensions_are_decided_by_the_blocks_that_no_linear_classifier_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = stored_subspaces()
    counts = stored["settings"]["counts"]
    verdicts = []
    for few, last in ((24, 96), (36, 1)):
        for run in stored["separable"]:
            kept = [[run["accuracy"] * (count >= least) for count in counts] for least in (few, few, last)]
            run["kept"] = {**run["kept"], "principal": kept}
        monkeypatch.setattr(subspaces, "stored_subspaces", lambda: stored)
        verdicts.append(subspaces.features_live_in_few_dimensions().verdict)
    assert verdicts == ["holds", "fails"]


def test_a_network_that_did_not_train_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = inverted.shortcuts_keep_the_gradients_size()
    assert "does not train, at 16 blocks" in found.verdict
    assert any("12.3%, chance 10%: the network with no shortcuts did not train" in line for line in found.numbers)
    stored = stored_gradients()
    for run in stored["trained"]:
        run["accuracy"] = 0.5
    monkeypatch.setattr(inverted, "stored_gradients", lambda: stored)
    found = inverted.shortcuts_keep_the_gradients_size()
    assert found.verdict == "holds if networks before training are meant"
    assert not any("did not train" in line for line in found.numbers)
