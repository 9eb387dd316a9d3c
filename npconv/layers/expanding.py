"""A pointwise convolution to more channels in a chain, whose wide output is read for nothing but its activation.

A pointwise convolution y = x K is linear. So normalisation of its N channels follows from sums over its M inputs, and
M is the smaller number: with x̃ = x − mean(x) and the covariance C = x̃ᵀ x̃ / count,

    mean(y) = mean(x) K           variance(y) = diag(Kᵀ C K)           y normalised = x̃ · (K · scale/deviation) + shift

Backward, d is the gradient for the normalised y. From G = x̃ᵀ d and Σ d, both sums over all positions, come

    dshift = Σ d                  dscale = diag(Kᵀ G) / deviation
    dK = scale/deviation · (G − C K dscale/deviation)
    dx = (d − dshift/count) (K · scale/deviation)ᵀ − x̃ · (K · dscale/(count · deviation)) (K · scale/deviation)ᵀ

A column of ones beside x̃ makes all that is added a row of the matrix beside it. The small matrices are float64.
"""

from typing import Any

import numpy as np

from ..kernels.geometry import Array, as_matrix
from ..kernels.normalization import BatchNormStages
from ..kernels.sums import channel_sums, summed_product
from .convolution import Linear, PointwiseConv2D
from .link import Link

WORTH = 64  # M² / N up to which the products x̃ᵀ x̃ take less time than the passes through y that they save


def expands(linear: Linear) -> bool:
    """True for a pointwise convolution that is computed faster as an `ExpandingLink`."""
    inputs, outputs, *_ = linear.params["kernel"].shape
    return isinstance(linear, PointwiseConv2D) and inputs < outputs and inputs**2 <= WORTH * outputs


class ExpandingLink(Link):
    """A pointwise convolution from M to N channels, N the larger number, with its normalisation and its activation.

    `maps` are the parts of its input, less each part's own mean, with a column of ones: (images, Dᵤ, Dᵤ, M + 1).
    `offsets` are what must be added to them for mean 0 over the batch, (P, M).
    """

    def start(self, parts: int) -> None:
        """Room for the parts of a forward."""
        self.exact: Any = self.kernel.astype(np.float64)
        self.maps: list[Any] = [None] * parts
        self.upstream: list[Any] = [None] * parts
        size = len(self.kernel) + 1
        self.grams, self.means = np.zeros((parts, size, size)), np.zeros((parts, size - 1))
        self.products = np.zeros((parts, size, self.channels))

    def forward_part(self, number: int, x: Array) -> None:
        """A part of the input, and the sums of its products; the last row has the sums of x̃ and the count."""
        mean = (channel_sums(x) * x.shape[-1] / x.size).astype(x.dtype)
        a = np.empty((*x.shape[:-1], x.shape[-1] + 1), x.dtype)
        np.subtract(x, mean, out=a[..., :-1])
        a[..., -1] = 1
        rows = as_matrix(a).astype(np.float64)  # (positions, M + 1)
        self.maps[number], self.means[number], self.grams[number] = a, mean, rows.T @ rows

    def finish(self) -> None:
        """The statistics of the batch from the sums of its parts."""
        dtype, counts, rests = self.kernel.dtype, self.grams[:, -1, -1:], self.grams[:, -1, :-1]
        self.count = counts.sum()
        mean = (counts * self.means + rests).sum(axis=0) / self.count  # (M,)
        self.offsets = self.means - mean  # (P, M)
        crossed = rests.T @ self.offsets  # (M, P) @ (P, M)
        gram = self.grams[:, :-1, :-1].sum(axis=0) + crossed + crossed.T + (counts * self.offsets).T @ self.offsets
        self.spread = gram @ self.exact / self.count  # C K, (M, N)
        variance = np.maximum((self.exact * self.spread).sum(axis=0), 0)  # (N,)
        self.mean, self.variance = (mean @ self.exact).astype(dtype), variance.astype(dtype)
        self.deviation = np.sqrt(self.variance + self.norm.epsilon)
        self.scaled = self.exact * (self.norm.params["scale"] / self.deviation)  # (M, N)
        self.scaled_kernels = self.by_part(self.scaled, self.norm.params["shift"])
        self.norm.move_statistics(self.mean, self.variance, self.shape)

    def by_part(self, matrix: Array, last: Array) -> Array:
        """A matrix for x̃ over the batch, (M, X), and what is added, (X,), as those for the parts: (P, M + 1, X)."""
        matrices = np.empty((len(self.offsets), len(matrix) + 1, len(last)), self.kernel.dtype)
        matrices[:, :-1], matrices[:, -1] = matrix, self.offsets @ matrix + last
        return matrices

    def activate_part(self, number: int, out: Array, activated: bool = True) -> Array:
        """A part of the output, normalised and activated, written into `out`."""
        y = (as_matrix(self.maps[number]) @ self.scaled_kernels[number]).reshape(out.shape)
        if activated and self.activate is not None:
            self.activate(y, out)
        else:
            out[...] = y
        return out

    def output(self, activated: bool = True) -> Array:
        """The output, normalised and activated, as one array."""
        rooms = [np.empty((*a.shape[:-1], self.channels), a.dtype) for a in self.maps]
        return np.concatenate([self.activate_part(number, room, activated) for number, room in enumerate(rooms)])

    def stages(self) -> BatchNormStages:
        """The values that the normalisation of the whole batch would store."""
        kernels = self.by_part(self.exact, np.zeros(self.channels))
        centred = np.concatenate([a @ kernel for a, kernel in zip(self.maps, kernels, strict=True)])
        return BatchNormStages(self.mean, self.variance, self.deviation, centred, self.output(activated=False))

    def receive_part(self, number: int, d: Array, output: Array | None = None) -> None:
        """A part of the gradient for the output, and its products with the input."""
        self.upstream[number] = d = self.through_activation(number, d, output)
        self.products[number] = summed_product(as_matrix(self.maps[number]), as_matrix(d))  # (M + 1, N)

    def start_backward(self) -> None:
        """The gradients of scale and shift, and with them the matrices for the gradient of the input."""
        self.dshift = self.products[:, -1].sum(axis=0)
        self.product = self.products[:, :-1].sum(axis=0) + self.offsets.T @ self.products[:, -1]  # G, (M, N)
        self.dscale = (self.exact * self.product).sum(axis=0) / self.deviation
        self.slope, back = self.dscale / self.deviation, -self.scaled.T / self.count  # (N,), (N, M)
        self.returned = self.by_part((self.exact * self.slope) @ back, self.dshift @ back)  # (P, M + 1, M)
        self.scaled_kernel = self.scaled.astype(self.kernel.dtype)

    def backward_part(self, number: int, x: Array) -> Array:
        """The gradient of a part of the input."""
        dx: Array = as_matrix(self.upstream[number]) @ self.scaled_kernel.T  # (positions, N) @ (N, M)
        dx += as_matrix(self.maps[number]) @ self.returned[number]  # (positions, M + 1) @ (M + 1, M)
        self.upstream[number] = None
        return dx.reshape(x.shape)

    def write_gradients(self) -> None:
        """The gradients of the parameters."""
        factor = self.norm.params["scale"] / self.deviation
        self.linear.grads["kernel"][...] = factor * (self.product - self.spread * self.slope)
        self.norm.grads["scale"][...], self.norm.grads["shift"][...] = self.dscale, self.dshift
