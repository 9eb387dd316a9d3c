"""npconv's figures: what is drawn is what was computed.

A builder takes arrays or their shapes, runs the kernels, and returns a `Figure`: the picture, the numbers drawn in it,
its caption and its alt text. BUILDERS has them by name; called without arguments a builder draws the article's case.
`write_figures` writes them.
"""

from collections.abc import Callable

from .cost_ratio import cost_ratio_figure
from .figure import Figure, style
from .files import write_figures
from .per_channel_view import per_channel_photograph, per_channel_view
from .standard_convolution import standard_convolution

BUILDERS: dict[str, Callable[..., Figure]] = {
    "standard-convolution": standard_convolution,
    "per-channel-view": per_channel_view,
    "per-channel-photograph": per_channel_photograph,
    "cost-ratio": cost_ratio_figure,
}

__all__ = [
    "BUILDERS",
    "Figure",
    "cost_ratio_figure",
    "per_channel_photograph",
    "per_channel_view",
    "standard_convolution",
    "style",
    "write_figures",
]
