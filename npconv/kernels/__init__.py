"""The kernels: pure functions, one file for each kind of convolution, forward beside backward.

The article, in its order: geometry.py (the taps), standard.py, depthwise.py, pointwise.py, separable.py,
activations.py, blocks.py. Beyond the article: grouped.py, normalization.py, head.py, split.py. signatures.py and
arguments.py check arguments, sums.py keeps the digits of long sums, and engine.py is fast; nobody needs these four to
understand a convolution.
"""
