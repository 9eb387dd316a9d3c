"""Mistakes planted in the layers, one at a time."""

# ruff: noqa: E501 (a table)

from typing import NamedTuple


class Mutant(NamedTuple):
    """In `module`, each `old` becomes `new`; the guard must notice."""

    says: str
    module: str
    old: str
    new: str
    guard: str


MUTANTS = [
    # one kernel
    Mutant("the geometry forgotten behind", "convolution", '_remember(), self.params["kernel"], **self.geometry', '_remember(), self.params["kernel"]', "gradients of Conv2D dilated"),
    Mutant("the bias not added", "convolution", 'y += self.params["bias"]', "y += 0", "gradients of Conv2D"),
    Mutant("the bias's gradient of one image", "convolution", "channel_sums(dy)", "channel_sums(dy[:1])", "gradients of DepthwiseConv2D"),
    Mutant("the bias's gradient the mean", "convolution", "channel_sums(dy)", "channel_sums(dy) / dy.size * dy.shape[-1]", "gradients of Dense"),
    Mutant("a gradient replaced", "convolution", 'dx, self.grads["kernel"][...] =', 'dx, self.grads["kernel"] =', "gradients of PointwiseConv2D"),
    Mutant("gradients added up", "convolution", 'self.grads["bias"][...] =', 'self.grads["bias"][...] +=', "gradients of Dense"),
    Mutant("the depthwise kernel's Q forgotten", "convolution", "(height, width, channels * depth_multiplier)", "(height, width, channels)", "costs"),
    Mutant("height and width exchanged", "convolution", "super().__init__((height, width, in_channels", "super().__init__((width, height, in_channels", "costs"),
    Mutant("the stride forgotten", "convolution", 'checked_geometry("Conv2D", stride,', 'checked_geometry("Conv2D", 1,', "kernels"),
    Mutant("the fans of one column", "convolution", "fans = (height * width * in_channels", "fans = (height * in_channels", "spreads"),
    Mutant("the seed forgotten", "convolution", "generator(type(self).__name__, seed), he_normal", "np.random.default_rng(), he_normal", "seeds"),
    Mutant("the kernel's cost without its bias", "convolution", 'bias="bias" in self.params', "bias=False", "costs"),
    Mutant("an activation keeps its input", "elementwise", "self._saved = x if self.asks_input else y", "self._saved = x; x[...] = y", "gradients of ReLU"),
    Mutant("hard-swish remembers its output", "elementwise", "self._saved = x if self.asks_input else y", "self._saved = y", "gradients of HardSwish"),
    Mutant("hard-sigmoid remembers its output", "elementwise", "self._saved = x if self.asks_input else y", "self._saved = y", "gradients of HardSigmoid"),
    Mutant("every activation's backward ReLU's", "elementwise", "type(self).operation_backward(dy", "relu_backward(dy", "gradients of ReLU6"),
    Mutant("the pool's gradient not shared out", "elementwise", "global_average_pool_backward(dy, self._remember())", "global_average_pool_backward(dy * 20, self._remember())", "gradients of GlobalAveragePool"),
    # normalisation
    Mutant("the batch's statistics held constant behind", "normalization", '(dy, self.params["scale"], saved)\n', '(dy, self.params["scale"], saved)\n            dx = dy * self.params["scale"] / saved.deviation\n', "gradients of BatchNorm"),
    Mutant("scale and shift exchanged behind", "normalization", 'self.grads["scale"][...], self.grads["shift"][...] = dscale, dshift', 'self.grads["shift"][...], self.grads["scale"][...] = dscale, dshift', "gradients of BatchNorm unbiased"),
    Mutant("momentum the other share", "normalization", "self.state[name] *= self.momentum", "self.state[name] *= 1 - self.momentum", "statistics"),
    Mutant("variance always biased", "normalization", "if self.unbiased else variance", "if False else variance", "statistics"),
    Mutant("variance always unbiased", "normalization", "if self.unbiased else variance", "if True else stages.variance", "statistics"),
    Mutant("inference moves the statistics", "normalization", "if not training:", 'self.state["mean"] *= 0.9\n        if not training:', "gradients of BatchNorm"),
    Mutant("statistics replaced", "normalization", "self.state[name] *= self.momentum", "self.state[name] = self.state[name] * self.momentum", "gradients of BatchNorm"),
    Mutant("epsilon forgotten in inference", "normalization", 'self.state["variance"], epsilon=self.epsilon', 'self.state["variance"]', "statistics"),
    Mutant("a convention's momentum in torch's share", "normalization", '"epsilon": 1e-5, "momentum": 0.9,', '"epsilon": 1e-5, "momentum": 0.1,', "statistics"),
    # a chain of convolutions in parts
    Mutant("a part's mean left on", "chain", "rows -= self.along(mean)", "rows -= 0 * self.along(mean)", "parts"),
    Mutant("the mean of the parts' means", "chain", "(self.counts * self.means).sum(axis=0) / count", "self.means.mean(axis=0)", "parts"),
    Mutant("the spread of the parts' means forgotten", "chain", " + self.counts * self.offsets**2", "", "parts"),
    Mutant("a part's mean never put back", "chain", '"shift"] - self.offsets * self.factor', '"shift"] - 0 * self.offsets', "parts"),
    Mutant("the gradient of scale off by the part's mean", "chain", " - self.offsets[number] * self.dshifts[number]", "", "parts"),
    Mutant("the gradient's level off by the part's mean", "chain", "self.dshift / count + self.offsets * slope", "self.dshift / count + 0 * self.offsets", "parts"),
    Mutant("the statistics held constant behind", "chain", "slope = -self.dscale /", "slope = -0 * self.dscale /", "parts"),
    Mutant("the mean held constant behind", "chain", "self.along(self.dshift / count +", "self.along(0 * self.dshift / count +", "parts"),
    Mutant("scale not in the gradient of the input", "chain", "self.scaled_kernel = self.kernel * self.factor", "self.scaled_kernel = self.kernel / self.deviation", "parts"),
    Mutant("scale not in the kernel's gradient", "chain", "np.multiply(dkernel, self.factor, out", "np.multiply(dkernel, 1 / self.deviation, out", "parts"),
    Mutant("the kernel's gradient of the last part", "chain", "dkernel += part", "dkernel = 1.0 * part", "parts"),
    Mutant("no activation in the chain", "chain", "if activated and self.activate is not None:", "if False:", "parts"),
    Mutant("what is dead sends gradients", "chain", "operation_backward(d, output)", "operation_backward(d, np.where(output == 0, 1, output))", "parts"),
    Mutant("what is above 6 sends gradients", "chain", "operation_backward(d, output)", "operation_backward(d, np.where(output == 6, 1, output))", "parts"),
    Mutant("the last activation passed over", "chain", "output[part] if isinstance(output, np.ndarray) else None", "0 * dy[part] + 1", "parts"),
    Mutant("padding that is normalised", "chain", "link.before.activate_part(number, link.inside(x))", "x += link.before.norm.params['shift']; link.before.activate_part(number, link.inside(x))", "parts"),
    Mutant("running statistics not moved", "chain", "self.norm.move_statistics(", "(lambda *_: None)(", "parts"),
    Mutant("all parts of the gradient the first", "chain", "dx[self.parts[number]] = da", "dx[self.parts[0]] = da[:1]", "parts"),
    Mutant("a layer of a chain remembers its output as it was", "chain", "activated=not link.activation.asks_input", "activated=False", "parts"),
    Mutant("hard-swish in a chain remembers its output", "chain", "activated=not link.activation.asks_input", "activated=True", "parts"),
    Mutant("hard-swish in a chain goes back by its output", "chain", "if output is None or asks_input:", "if output is None:", "parts"),
    Mutant("hard-swish in its place without its bound", "elementwise", "np.maximum(a, -3, out=a)", "np.maximum(a, -1, out=a)", "parts"),
    Mutant("hard-swish's gate in its place not clipped", "elementwise", "out.clip(0, 6, out=out)", "out.clip(0, 60, out=out)", "parts"),
    Mutant("normalisation of a chain remembers the maps", "chain", "maps - offsets.astype", "maps - 0 * offsets.astype", "parts"),
    # in a row
    Mutant("training doesn't reach the layers", "sequential", ".forward(x, training)", ".forward(x)", "modes"),
    Mutant("backward in forward's order", "sequential", "reversed(self._passed or self.layers.values())", "(self._passed or self.layers.values())", "gradients of Sequential"),
    Mutant("the network's arrays copies of its layers'", "composite", '": a for name', '": a.copy() for name', "same arrays"),
    Mutant("folding forgets the bias that was there", "sequential", 'bias=before.params.get("bias"), ', "", "folding of Sequential"),
    Mutant("folding leaves out epsilon", "sequential", "epsilon=layer.epsilon,", "epsilon=1e-12,", "folding of InvertedResidual"),
    Mutant("folding leaves nested layers alone", "sequential", "folded[name] = layer.folded()", "folded[name] = layer.copy()", "folding of Sequential"),
    Mutant("what was folded shares arrays", "sequential", "folded[name] = layer.folded()", "folded[name] = layer", "folding of InvertedResidual, no normalisation"),
    Mutant("a folded layer's name forgotten", "sequential", "return self.with_layers(folded)", "self.layers = folded\n        return self", "folding of DepthwiseSeparable"),
    Mutant("a cost too few", "sequential", "shape = parts[name].output_shape", "shape = shape", "costs"),
    # blocks
    Mutant("shortcut at any stride", "blocks", 'has_shortcut(pair("InvertedResidual", "stride", stride),', "has_shortcut((1, 1),", "kernels"),
    Mutant("no shortcut", "blocks", "y = y + x", "pass", "kernels"),
    Mutant("the shortcut's gradient forgotten", "blocks", "return dx + dy if self.shortcut else dx", "return dx", "gradients of InvertedResidual"),
    Mutant("the shortcut can't be left out", "blocks", "self.shortcut = shortcut and", "self.shortcut =", "kernels"),
    Mutant("an expansion at t = 1", "blocks", "if wide != in_channels:", "if True:", "costs"),
    Mutant("the last ReLU forgotten behind", "blocks", "super().backward(type(self).activation_backward(dy, self._remember()))", "super().backward(dy)", "gradients of ResidualBottleneck"),
    Mutant("the last ReLU before the sum", "blocks", "type(self).activation(super().forward(x, training))", "type(self).activation(Sequential.forward(self, x, training)) + x", "kernels"),
    Mutant("a ReLU6 after the projection", "blocks", "project, batch_norm, bottleneck)", 'project, batch_norm, "relu6")', "kernels"),
    Mutant("no ReLU6 after the depthwise convolution", "blocks", 'normalised("depthwise", depthwise, batch_norm, activation)', 'normalised("depthwise", depthwise, batch_norm)', "kernels"),
    Mutant("siblings drawn from one seed", "blocks", "project = PointwiseConv2D(wide, out_channels, seed=rng", "project = PointwiseConv2D(wide, out_channels, seed=0", "seeds"),
    Mutant("the shortcut costs nothing", "blocks", "cost = replace(cost, additions=cost.additions + math.prod(cost.output_shape))", "pass", "costs"),
    Mutant("another width than was asked for", "blocks", "if expanded is None else expanded", "", "options"),
    Mutant("the expansion's activation ReLU6", "blocks", 'normalised("expand", expand, batch_norm, activation)', 'normalised("expand", expand, batch_norm, "relu6")', "options"),
    Mutant("no gate", "blocks", "if squeeze is not None:", "if False:", "options"),
    Mutant("the gate after the projection", "blocks", "super().__init__(layers | normalised(\"project\", project, batch_norm, bottleneck))", "gate = layers.pop(\"squeeze_excite\", None); super().__init__(layers | normalised(\"project\", project, batch_norm, bottleneck) | ({\"squeeze_excite\": gate} if gate else {}))", "options"),
    # squeeze-and-excite
    Mutant("the biases exchanged", "squeeze", "(squeeze,)),", "(channels,)),", "costs"),
    Mutant("squeeze-and-excite's gradients in another order", "squeeze", "zip(self.params, gradients, strict=True)", "zip(self.params, gradients[::-1], strict=True)", "gradients of SqueezeExcite"),
    Mutant("squeeze-and-excite's first kernel for both behind", "squeeze", 'self.params["reduce"], self.params["expand"]\n', 'self.params["reduce"], self.params["reduce"].T\n', "gradients of SqueezeExcite"),
    Mutant("squeeze-and-excite's fans exchanged", "squeeze", "initializer(rng, shape, *shape)", "initializer(rng, shape, *shape[::-1])", "spreads"),
    Mutant("squeeze-and-excite's seed forgotten", "squeeze", 'generator("SqueezeExcite", seed), he_normal', "np.random.default_rng(), he_normal", "seeds"),
    # every layer
    Mutant("a copy shares the arrays", "layer", "return copy.deepcopy(self)", "return copy.copy(self)", "same arrays"),
    Mutant("a copy remembers", "layer", '"_saved": None}', '"_saved": self._saved}', "memory"),
    Mutant("statistics not saved", "layer", "return {**self.params, **self.state}", "return {**self.params}", "files"),
    Mutant("loaded before all is checked", "layer", "    if found:\n        raise", "    for name, a in own.items():\n        a[...] = 0\n    if found:\n        raise", "wrong arrays"),
    Mutant("what is left over not told", "layer", "found += [f\"left over", "[f\"left over", "wrong arrays"),
    Mutant("loading replaces the arrays", "layer", "        fill(self.arrays(), ", "        self.params = {name: a.copy() for name, a in self.params.items()}\n        fill(self.arrays(), ", "same arrays"),
    Mutant("a failed forward is remembered", "elementwise", "        y = global_average_pool(x)\n        self._saved = x\n", "        self._saved = x\n        y = global_average_pool(x)\n", "memory"),
    # initialisers
    Mutant("He's variance halved", "initializers", "math.sqrt(2 / fan_in)", "math.sqrt(1 / fan_in)", "spreads"),
    Mutant("Glorot's fans exchanged for one", "initializers", "6 / (fan_in + fan_out)", "6 / (2 * fan_in)", "spreads"),
    Mutant("Keras's fans taken for the plain ones", "convolution", "(shared * fans[0], ", "(fans[0], ", "spreads"),
    Mutant("the plain fans taken for Keras's", "convolution", '"plain": fans', '"plain": (shared * fans[0], fans[1])', "spreads"),
    Mutant("nothing truncated", "initializers", "np.abs(values) > 2", "np.abs(values) > 9", "spreads"),
]  # fmt: skip
