"""The kernels: pure functions, one file for each kind of convolution, forward beside backward."""
