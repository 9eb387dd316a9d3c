"""The cost of convolutions: by formula, from shapes, and by counting the operations of a kernel."""

from .counting import OperationCounts as OperationCounts, count_operations as count_operations
from .formulas import (
    Cost as Cost,
    break_even_multiplier as break_even_multiplier,
    conv2d_cost as conv2d_cost,
    conv3d_cost as conv3d_cost,
    cost_ratio as cost_ratio,
    dense_cost as dense_cost,
    depthwise_conv2d_cost as depthwise_conv2d_cost,
    depthwise_separable_conv2d_cost as depthwise_separable_conv2d_cost,
    flattened_conv2d_cost as flattened_conv2d_cost,
    grouped_conv2d_cost as grouped_conv2d_cost,
    inverted_residual_cost as inverted_residual_cost,
    limit_error as limit_error,
    pointwise_conv2d_cost as pointwise_conv2d_cost,
    residual_bottleneck_cost as residual_bottleneck_cost,
    resize_bilinear_cost as resize_bilinear_cost,
    shuffled_grouped_conv2d_cost as shuffled_grouped_conv2d_cost,
    spatially_separable_conv2d_cost as spatially_separable_conv2d_cost,
    squeeze_excite_cost as squeeze_excite_cost,
    transposed_conv2d_cost as transposed_conv2d_cost,
)
