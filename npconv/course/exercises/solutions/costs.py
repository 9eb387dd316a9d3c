"""A right answer to the exercise costs."""

from fractions import Fraction


def conv2d_cost(*, x_shape, kernel_shape, stride=(1, 1), padding=((0, 0), (0, 0))):
    """At each position of the output, for each filter, as many products as the filter has weights."""
    batch, input_height, input_width, channels = x_shape
    height, width, _, filters = kernel_shape
    rows = (input_height + sum(padding[0]) - height) // stride[0] + 1
    columns = (input_width + sum(padding[1]) - width) // stride[1] + 1
    return batch * rows * columns * height * width * channels * filters


def depthwise_separable_conv2d_cost(
    *, x_shape, depthwise_shape, pointwise_shape, stride=(1, 1), padding=((0, 0), (0, 0))
):
    """The depthwise convolution's products and the pointwise one's."""
    batch, input_height, input_width, _ = x_shape
    height, width, inner = depthwise_shape
    filters = pointwise_shape[1]
    rows = (input_height + sum(padding[0]) - height) // stride[0] + 1
    columns = (input_width + sum(padding[1]) - width) // stride[1] + 1
    return batch * rows * columns * (height * width * inner + inner * filters)


def cost_ratio(*, kernel_size, out_channels, depth_multiplier=1):
    """Q · (1/N + 1/Dᵣ²)."""
    height, width = kernel_size
    return depth_multiplier * (Fraction(1, out_channels) + Fraction(1, height * width))
