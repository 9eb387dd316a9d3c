"""npconv: convolutions as they are taught, forward and backward, by hand in NumPy.

`import npconv` gives the kernels. To read one, start at `conv2d_taps` beside `depthwise_conv2d_taps`: they differ in
`@` against `*`. The rest lives in modules of its own: npconv.cost, npconv.checks, npconv.layers, npconv.models,
npconv.training, npconv.figures, npconv.claims.
"""

from .kernels.activations import relu, relu6, relu6_backward, relu_backward
from .kernels.blocks import (
    InvertedResidualStages,
    ResidualBottleneckStages,
    inverted_residual,
    inverted_residual_backward,
    inverted_residual_stages,
    linear_block_kernel,
    residual_bottleneck,
    residual_bottleneck_backward,
    residual_bottleneck_stages,
)
from .kernels.depthwise import (
    depthwise_conv2d,
    depthwise_conv2d_backward,
    depthwise_conv2d_backward_loops,
    depthwise_conv2d_backward_taps,
    depthwise_conv2d_loops,
    depthwise_conv2d_taps,
)
from .kernels.grouped import grouped_conv2d, grouped_conv2d_backward
from .kernels.head import (
    global_average_pool,
    global_average_pool_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from .kernels.normalization import (
    BatchNormStages,
    batch_norm,
    batch_norm_backward,
    batch_norm_inference,
    batch_norm_inference_backward,
    batch_norm_stages,
    batch_statistics,
    fold_batch_norm,
)
from .kernels.pointwise import (
    dense,
    dense_backward,
    pointwise_conv2d,
    pointwise_conv2d_backward,
    pointwise_conv2d_loops,
)
from .kernels.separable import (
    depthwise_separable_conv2d,
    depthwise_separable_conv2d_backward,
    factored_kernel,
    factored_kernel_backward,
    factorize_kernel,
)
from .kernels.split import inverted_residual_split
from .kernels.standard import (
    conv2d,
    conv2d_backward,
    conv2d_backward_im2col,
    conv2d_backward_loops,
    conv2d_backward_taps,
    conv2d_im2col,
    conv2d_loops,
    conv2d_per_channel,
    conv2d_taps,
    per_channel_maps,
)

__version__ = "0.1.0"

__all__ = [
    "BatchNormStages",
    "InvertedResidualStages",
    "ResidualBottleneckStages",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_inference",
    "batch_norm_inference_backward",
    "batch_norm_stages",
    "batch_statistics",
    "conv2d",
    "conv2d_backward",
    "conv2d_backward_im2col",
    "conv2d_backward_loops",
    "conv2d_backward_taps",
    "conv2d_im2col",
    "conv2d_loops",
    "conv2d_per_channel",
    "conv2d_taps",
    "dense",
    "dense_backward",
    "depthwise_conv2d",
    "depthwise_conv2d_backward",
    "depthwise_conv2d_backward_loops",
    "depthwise_conv2d_backward_taps",
    "depthwise_conv2d_loops",
    "depthwise_conv2d_taps",
    "depthwise_separable_conv2d",
    "depthwise_separable_conv2d_backward",
    "factored_kernel",
    "factored_kernel_backward",
    "factorize_kernel",
    "fold_batch_norm",
    "global_average_pool",
    "global_average_pool_backward",
    "grouped_conv2d",
    "grouped_conv2d_backward",
    "inverted_residual",
    "inverted_residual_backward",
    "inverted_residual_split",
    "inverted_residual_stages",
    "linear_block_kernel",
    "per_channel_maps",
    "pointwise_conv2d",
    "pointwise_conv2d_backward",
    "pointwise_conv2d_loops",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "residual_bottleneck",
    "residual_bottleneck_backward",
    "residual_bottleneck_stages",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
]
