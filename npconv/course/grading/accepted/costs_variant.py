# npconv exercise: costs
# npconv variant: 45
"""Variant 45: FLOPs, of one image, and the ratio upside down."""

from fractions import Fraction


def _sides(x_shape, sides, stride, padding):
    return [(x_shape[a + 1] + sum(padding[a]) - sides[a]) // stride[a] + 1 for a in (0, 1)]


def conv2d_cost(*, x_shape, kernel_shape, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Multiplications, and one addition fewer for each sum."""
    rows, columns = _sides(x_shape, kernel_shape, stride, padding)
    products = kernel_shape[0] * kernel_shape[1] * kernel_shape[2]
    return rows * columns * kernel_shape[3] * (products + products - 1)


def depthwise_separable_conv2d_cost(
    *, x_shape, depthwise_shape, pointwise_shape, stride=(1, 1), padding=((0, 0), (0, 0))
):
    """Both convolutions' multiplications and additions."""
    rows, columns = _sides(x_shape, depthwise_shape, stride, padding)
    inner, filters = pointwise_shape
    taps = depthwise_shape[0] * depthwise_shape[1]
    return rows * columns * (inner * (2 * taps - 1) + filters * (2 * inner - 1))


def cost_ratio(*, kernel_size, out_channels, depth_multiplier=1):
    """Standard over separable, one over Q·(1/N + 1/Dᵣ²)."""
    area = kernel_size[0] * kernel_size[1]
    return Fraction(area * out_channels, depth_multiplier * (area + out_channels))
