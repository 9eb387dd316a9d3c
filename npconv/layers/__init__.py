"""Kernels with parameters: what a network is made of. Each layer's backward is written out."""

from .blocks import DepthwiseSeparable, InvertedResidual, ResidualBottleneck
from .convolution import Conv2D, Dense, DepthwiseConv2D, PointwiseConv2D
from .elementwise import Activation, GlobalAveragePool, ReLU, ReLU6
from .initializers import Initializer, glorot_uniform, he_normal, truncated_normal
from .layer import Layer
from .normalization import CONVENTIONS, BatchNorm
from .sequential import Sequential

__all__ = [
    "CONVENTIONS",
    "Activation",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "DepthwiseSeparable",
    "GlobalAveragePool",
    "Initializer",
    "InvertedResidual",
    "Layer",
    "PointwiseConv2D",
    "ReLU",
    "ReLU6",
    "ResidualBottleneck",
    "Sequential",
    "glorot_uniform",
    "he_normal",
    "truncated_normal",
]
