"""npconv's figures: what is drawn is what was computed.

A builder takes arrays or their shapes, runs the kernels, and returns a `Figure`: the picture, the numbers drawn in it,
its caption and its alt text. Without arguments it draws the article's case. BUILDERS has them by the name of the
figure, and each can be imported by the same name with underscores. ANIMATIONS has, by the same names, the functions
that draw a figure step by step, for `gif_bytes`. `write_figures` writes files.
"""

from collections.abc import Callable

from .animation import gif_bytes as gif_bytes
from .atrous_receptive_field import atrous_receptive_field as atrous_receptive_field
from .backward_taps import backward_taps as backward_taps
from .bottleneck_table import bottleneck_table as bottleneck_table
from .channel_shuffle import channel_shuffle as channel_shuffle
from .checkerboard import checkerboard as checkerboard
from .convolution_3d import convolution_3d as convolution_3d
from .cost_by_layer import cost_by_layer as cost_by_layer
from .cost_ratio import cost_ratio as cost_ratio
from .deeplab import deeplab as deeplab
from .depthwise_separable import (
    depthwise_separable as depthwise_separable,
    depthwise_separable_frames as depthwise_separable_frames,
)
from .detections import detections as detections
from .dilated_convolution import dilated_convolution as dilated_convolution
from .feature_subspaces import feature_subspaces as feature_subspaces
from .figure import Figure as Figure, style as style
from .files import write_figures as write_figures
from .functional_view import functional_view as functional_view, functional_view_frames as functional_view_frames
from .gradient_flow import gradient_flow as gradient_flow
from .hard_swish import hard_swish as hard_swish
from .inverted_residual_maps import inverted_residual_maps as inverted_residual_maps
from .linear_bottleneck_training import linear_bottleneck_training as linear_bottleneck_training
from .lr_aspp import lr_aspp as lr_aspp
from .matching import matching as matching
from .mobilenet_v2_table import mobilenet_v2_table as mobilenet_v2_table
from .mobilenet_v3_table import mobilenet_v3_table as mobilenet_v3_table
from .non_maximum_suppression import non_maximum_suppression as non_maximum_suppression
from .per_channel_photograph import per_channel_photograph as per_channel_photograph
from .per_channel_view import per_channel_view as per_channel_view
from .predicted_and_measured import predicted_and_measured as predicted_and_measured
from .relu_information_loss import relu_information_loss as relu_information_loss
from .residual_blocks import residual_blocks as residual_blocks
from .segmentation import segmentation as segmentation
from .separability import separability as separability
from .separable_example import separable_example as separable_example
from .spatially_separable import spatially_separable as spatially_separable
from .squeeze_excite import squeeze_excite as squeeze_excite
from .ssdlite import ssdlite as ssdlite
from .standard_convolution import standard_convolution as standard_convolution
from .transposed_convolution import transposed_convolution as transposed_convolution

BUILDERS: dict[str, Callable[..., Figure]] = {
    build.__name__.replace("_", "-"): build
    for build in (
        standard_convolution,
        functional_view,
        per_channel_view,
        per_channel_photograph,
        depthwise_separable,
        separable_example,
        cost_ratio,
        predicted_and_measured,
        separability,
        relu_information_loss,
        bottleneck_table,
        inverted_residual_maps,
        linear_bottleneck_training,
        residual_blocks,
        mobilenet_v2_table,
        cost_by_layer,
        backward_taps,
        feature_subspaces,
        gradient_flow,
        transposed_convolution,
        checkerboard,
        dilated_convolution,
        spatially_separable,
        channel_shuffle,
        convolution_3d,
        hard_swish,
        squeeze_excite,
        mobilenet_v3_table,
        ssdlite,
        matching,
        non_maximum_suppression,
        detections,
        atrous_receptive_field,
        lr_aspp,
        deeplab,
        segmentation,
    )
}

ANIMATIONS: dict[str, Callable[..., list[Figure]]] = {
    "functional-view": functional_view_frames,
    "depthwise-separable": depthwise_separable_frames,
}

# The names that four builders had before.
cost_by_layer_figure = cost_by_layer
cost_ratio_figure = cost_ratio
linear_bottleneck_training_figure = linear_bottleneck_training
mobilenet_v2_table_figure = mobilenet_v2_table

__all__ = ["ANIMATIONS", "BUILDERS", "Figure", "gif_bytes", "style", "write_figures"]
__all__ += [function.__name__ for functions in (BUILDERS, ANIMATIONS) for function in functions.values()]
