"""Kernels with parameters: what a network is made of. Each layer's backward is written out."""

from .blocks import (
    DepthwiseSeparable as DepthwiseSeparable,
    InvertedResidual as InvertedResidual,
    ResidualBottleneck as ResidualBottleneck,
)
from .convolution import (
    Conv2D as Conv2D,
    Dense as Dense,
    DepthwiseConv2D as DepthwiseConv2D,
    PointwiseConv2D as PointwiseConv2D,
)
from .elementwise import (
    Activation as Activation,
    GlobalAveragePool as GlobalAveragePool,
    HardSigmoid as HardSigmoid,
    HardSwish as HardSwish,
    ReLU as ReLU,
    ReLU6 as ReLU6,
    Sigmoid as Sigmoid,
)
from .initializers import (
    Initializer as Initializer,
    glorot_uniform as glorot_uniform,
    he_normal as he_normal,
    truncated_normal as truncated_normal,
)
from .layer import Layer as Layer
from .normalization import CONVENTIONS as CONVENTIONS, BatchNorm as BatchNorm
from .sequential import Sequential as Sequential
from .squeeze import SqueezeExcite as SqueezeExcite
