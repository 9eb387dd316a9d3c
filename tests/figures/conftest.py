"""The figures with their default sizes, each built once."""

import sys
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure as MatplotlibFigure
from plots import default_figure

from npconv.figures import Figure


@pytest.fixture(scope="session")
def default() -> Callable[[str], Figure]:
    """A figure by its name, as its builder draws it without arguments."""
    return default_figure


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the line plots' builders compute numbers and words alone, for tests of nothing else."""
    plots = dict.fromkeys(("predicted_and_measured", "relu_information_loss", "linear_bottleneck_training"), "_draw")
    plots |= {"separability": "_draw", "gradient_flow": "side_by_side", "feature_subspaces": "side_by_side"}
    for name, draw in plots.items():
        monkeypatch.setattr(sys.modules[f"npconv.figures.{name}"], draw, lambda *_, **__: MatplotlibFigure())
