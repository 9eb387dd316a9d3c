"""The cost of convolutions: by formula, from shapes, and by counting the operations of a kernel."""

from .counting import OperationCounts, count_operations
from .formulas import (
    Cost,
    break_even_multiplier,
    conv2d_cost,
    cost_ratio,
    dense_cost,
    depthwise_conv2d_cost,
    depthwise_separable_conv2d_cost,
    grouped_conv2d_cost,
    inverted_residual_cost,
    limit_error,
    pointwise_conv2d_cost,
    residual_bottleneck_cost,
)

__all__ = [
    "Cost",
    "OperationCounts",
    "break_even_multiplier",
    "conv2d_cost",
    "cost_ratio",
    "count_operations",
    "dense_cost",
    "depthwise_conv2d_cost",
    "depthwise_separable_conv2d_cost",
    "grouped_conv2d_cost",
    "inverted_residual_cost",
    "limit_error",
    "pointwise_conv2d_cost",
    "residual_bottleneck_cost",
]
