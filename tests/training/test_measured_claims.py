"""The verdicts on what was measured small follow from the runs."""

from typing import Any

import pytest

from npconv.claims import measured
from npconv.training.fig07 import FULL, asdict


def results(**ends: float) -> dict[str, Any]:
    """Runs of eight seeds around final accuracies."""
    runs = [
        {"variant": variant, "seed": seed, "test_accuracy": [0.1, end + 0.01 * (seed % 3) * (variant == "linear")]}
        for variant, end in ends.items()
        for seed in range(8)
    ]
    return {"settings": asdict(FULL), "data": "digits", "seeds": list(range(8)), "runs": runs}


@pytest.mark.parametrize(
    ("ends", "linear", "between"),
    [
        ({"linear": 0.6, "relu6": 0.5, "expansions": 0.5, "none": 0.4}, "holds if", "holds if"),
        ({"linear": 0.5, "relu6": 0.6, "expansions": 0.4, "none": 0.6}, "fails", "fails"),
        ({"linear": 0.5, "relu6": 0.5085, "expansions": 0.4, "none": 0.5085}, "reported", "holds if"),
    ],
)
def test_the_verdict_follows_from_the_runs(
    ends: dict[str, float], linear: str, between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "stored_results", lambda: results(**ends))
    for claim, verdict in (
        (measured.a_linear_bottleneck_is_better, linear),
        (measured.shortcuts_are_better_between_bottlenecks, between),
    ):
        found = claim()
        assert found.verdict.startswith(verdict)
        assert "8 seeds" in found.numbers[0]
        assert "16 blocks" in found.numbers[0] or FULL.blocks != 16
        assert ("8 seeds" in found.verdict) == (verdict == "holds if")
        assert ("it is open" in found.verdict) == (ends["none"] == 0.5085 and verdict == "holds if")
