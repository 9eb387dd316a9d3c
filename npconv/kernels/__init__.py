"""The kernels: pure functions, one file for each kind of convolution, forward beside backward.

The article, in its order: geometry.py (the taps), standard.py, depthwise.py, pointwise.py, separable.py,
activations.py, blocks.py. Beyond the article: grouped.py, transposed.py, resize.py, flattened.py, shuffle.py,
standard3d.py, normalization.py, head.py, squeeze.py, split.py. signatures.py and arguments.py check arguments, sums.py
keeps the digits of long sums, and engine.py and pieces.py are fast; nobody needs these five to understand a
convolution.
"""

from .activations import (
    hard_sigmoid as hard_sigmoid,
    hard_sigmoid_backward as hard_sigmoid_backward,
    hard_swish as hard_swish,
    hard_swish_backward as hard_swish_backward,
    relu as relu,
    relu6 as relu6,
    relu6_backward as relu6_backward,
    relu_backward as relu_backward,
    sigmoid as sigmoid,
    sigmoid_backward as sigmoid_backward,
)
from .blocks import (
    InvertedResidualStages as InvertedResidualStages,
    ResidualBottleneckStages as ResidualBottleneckStages,
    inverted_residual as inverted_residual,
    inverted_residual_backward as inverted_residual_backward,
    inverted_residual_stages as inverted_residual_stages,
    linear_block_kernel as linear_block_kernel,
    residual_bottleneck as residual_bottleneck,
    residual_bottleneck_backward as residual_bottleneck_backward,
    residual_bottleneck_stages as residual_bottleneck_stages,
)
from .depthwise import (
    depthwise_conv2d as depthwise_conv2d,
    depthwise_conv2d_backward as depthwise_conv2d_backward,
    depthwise_conv2d_backward_loops as depthwise_conv2d_backward_loops,
    depthwise_conv2d_backward_taps as depthwise_conv2d_backward_taps,
    depthwise_conv2d_loops as depthwise_conv2d_loops,
    depthwise_conv2d_taps as depthwise_conv2d_taps,
)
from .flattened import (
    flattened_conv2d as flattened_conv2d,
    flattened_conv2d_backward as flattened_conv2d_backward,
    spatially_separable_conv2d as spatially_separable_conv2d,
    spatially_separable_conv2d_backward as spatially_separable_conv2d_backward,
)
from .grouped import grouped_conv2d as grouped_conv2d, grouped_conv2d_backward as grouped_conv2d_backward
from .head import (
    global_average_pool as global_average_pool,
    global_average_pool_backward as global_average_pool_backward,
    softmax_cross_entropy as softmax_cross_entropy,
    softmax_cross_entropy_backward as softmax_cross_entropy_backward,
)
from .normalization import (
    BatchNormStages as BatchNormStages,
    batch_norm as batch_norm,
    batch_norm_backward as batch_norm_backward,
    batch_norm_inference as batch_norm_inference,
    batch_norm_inference_backward as batch_norm_inference_backward,
    batch_norm_stages as batch_norm_stages,
    batch_statistics as batch_statistics,
    fold_batch_norm as fold_batch_norm,
)
from .pointwise import (
    dense as dense,
    dense_backward as dense_backward,
    pointwise_conv2d as pointwise_conv2d,
    pointwise_conv2d_backward as pointwise_conv2d_backward,
    pointwise_conv2d_loops as pointwise_conv2d_loops,
)
from .resize import resize_bilinear as resize_bilinear, resize_bilinear_backward as resize_bilinear_backward
from .separable import (
    depthwise_separable_conv2d as depthwise_separable_conv2d,
    depthwise_separable_conv2d_backward as depthwise_separable_conv2d_backward,
    factored_kernel as factored_kernel,
    factored_kernel_backward as factored_kernel_backward,
    factorize_kernel as factorize_kernel,
)
from .shuffle import (
    channel_shuffle as channel_shuffle,
    channel_shuffle_backward as channel_shuffle_backward,
    shuffled_grouped_conv2d as shuffled_grouped_conv2d,
    shuffled_grouped_conv2d_backward as shuffled_grouped_conv2d_backward,
)
from .split import inverted_residual_split as inverted_residual_split
from .squeeze import (
    SqueezeExciteStages as SqueezeExciteStages,
    squeeze_excite as squeeze_excite,
    squeeze_excite_backward as squeeze_excite_backward,
    squeeze_excite_stages as squeeze_excite_stages,
)
from .standard import (
    conv2d as conv2d,
    conv2d_backward as conv2d_backward,
    conv2d_backward_im2col as conv2d_backward_im2col,
    conv2d_backward_loops as conv2d_backward_loops,
    conv2d_backward_taps as conv2d_backward_taps,
    conv2d_im2col as conv2d_im2col,
    conv2d_loops as conv2d_loops,
    conv2d_per_channel as conv2d_per_channel,
    conv2d_taps as conv2d_taps,
    per_channel_maps as per_channel_maps,
)
from .standard3d import (
    conv3d as conv3d,
    conv3d_backward as conv3d_backward,
    conv3d_backward_taps as conv3d_backward_taps,
    conv3d_loops as conv3d_loops,
    conv3d_taps as conv3d_taps,
)
from .transposed import (
    overlap_counts as overlap_counts,
    transposed_conv2d as transposed_conv2d,
    transposed_conv2d_backward as transposed_conv2d_backward,
    transposed_conv2d_loops as transposed_conv2d_loops,
)

PUBLIC = sorted(name for name, value in globals().items() if getattr(value, "__module__", "").startswith(__name__))
