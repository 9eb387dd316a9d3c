"""npconv's figures: what is drawn is what was computed.

A builder takes arrays or their shapes, runs the kernels, and returns a `Figure`: the picture, the numbers drawn in it,
its caption and its alt text. BUILDERS has them by name; called without arguments a builder draws the article's case.
`write_figures` writes them. ANIMATIONS has, under the same names, what draws a figure step by step, for `gif_bytes`.
"""

from collections.abc import Callable

from .animation import gif_bytes
from .backward_taps import backward_taps
from .bottleneck_table import bottleneck_table
from .cost_by_layer import cost_by_layer_figure
from .cost_ratio import cost_ratio_figure
from .depthwise_separable import depthwise_separable, depthwise_separable_frames
from .feature_subspaces import feature_subspaces
from .figure import Figure, style
from .files import write_figures
from .functional_view import functional_view, functional_view_frames
from .gradient_flow import gradient_flow
from .inverted_residual_maps import inverted_residual_maps
from .linear_bottleneck_training import linear_bottleneck_training_figure
from .mobilenet_v2_table import mobilenet_v2_table_figure
from .per_channel_photograph import per_channel_photograph
from .per_channel_view import per_channel_view
from .predicted_and_measured import predicted_and_measured
from .relu_information_loss import relu_information_loss
from .residual_blocks import residual_blocks
from .separability import separability
from .separable_example import separable_example
from .standard_convolution import standard_convolution

BUILDERS: dict[str, Callable[..., Figure]] = {
    "standard-convolution": standard_convolution,
    "functional-view": functional_view,
    "per-channel-view": per_channel_view,
    "per-channel-photograph": per_channel_photograph,
    "depthwise-separable": depthwise_separable,
    "separable-example": separable_example,
    "cost-ratio": cost_ratio_figure,
    "predicted-and-measured": predicted_and_measured,
    "separability": separability,
    "relu-information-loss": relu_information_loss,
    "bottleneck-table": bottleneck_table,
    "inverted-residual-maps": inverted_residual_maps,
    "linear-bottleneck-training": linear_bottleneck_training_figure,
    "residual-blocks": residual_blocks,
    "mobilenet-v2-table": mobilenet_v2_table_figure,
    "cost-by-layer": cost_by_layer_figure,
    "backward-taps": backward_taps,
    "feature-subspaces": feature_subspaces,
    "gradient-flow": gradient_flow,
}

ANIMATIONS: dict[str, Callable[..., list[Figure]]] = {
    "functional-view": functional_view_frames,
    "depthwise-separable": depthwise_separable_frames,
}

__all__ = [
    "ANIMATIONS",
    "BUILDERS",
    "Figure",
    "backward_taps",
    "bottleneck_table",
    "cost_by_layer_figure",
    "cost_ratio_figure",
    "depthwise_separable",
    "depthwise_separable_frames",
    "feature_subspaces",
    "functional_view",
    "functional_view_frames",
    "gif_bytes",
    "gradient_flow",
    "inverted_residual_maps",
    "linear_bottleneck_training_figure",
    "mobilenet_v2_table_figure",
    "per_channel_photograph",
    "per_channel_view",
    "predicted_and_measured",
    "relu_information_loss",
    "residual_blocks",
    "separability",
    "separable_example",
    "standard_convolution",
    "style",
    "write_figures",
]
