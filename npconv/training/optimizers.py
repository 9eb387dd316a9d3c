"""The optimisers: stochastic gradient descent with momentum, RMSProp, and Adam.

Parameters, gradients and an optimizer's state are flat mappings from names to arrays. `step` changes the parameters'
and the state's arrays in place and makes no others.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations

import numpy as np

from .. import threads
from ..kernels.arguments import array_of, boolean, callables, instance, one_of, plain, positive, real
from ..kernels.geometry import Array

Decays = Callable[[str], bool]
Part = tuple[float, list[list[Array]]]  # weight decay, and of each parameter itself, its gradient, and its state
CONVENTIONS = ("tensorflow", "keras", "torch")
STATE = ("mean_square", "momentum")  # what a state's names begin with
STEPS = "steps"
SMALL = 2**14  # numbers of a parameter below which those of several are changed together, as calls take longer
PIECE = 2**18  # numbers of a parameter changed at once; with 2**15 two threads take 1.4 of the time, whole 1.2 to 1.3


def decays_kernels(name: str) -> bool:
    """True for the names of parameters that weight decay is for: kernels, but not depthwise ones.

    Names end in what the parameter is: "scale" and "shift" are batch normalisation's, "bias" is a bias ("reduce_bias"
    and "expand_bias" in squeeze-and-excite), and a depthwise kernel's name ends in "depthwise.kernel", as the blocks
    here name it: it is told by that name alone, and under another one, `Sequential({"dw": DepthwiseConv2D(3)})`, it
    decays. The MobileNet papers leave depthwise kernels without decay, or nearly so, as they have so few parameters.

    >>> [decays_kernels(name) for name in ("stem.kernel", "block1.depthwise.kernel", "stem.norm.scale", "head.bias")]
    [True, False, False, False]
    """
    instance("decays_kernels", "name", name, str)
    *_, owner, kind = ("", *name.split("."))
    return kind not in ("scale", "shift") and not kind.endswith("bias") and not owner.endswith("depthwise")


class Optimizer:
    """The base of all optimizers: parameters, a state to save and load, weight decay, and buffers.

    Weight decay is the gradient of weight_decay / 2 · ‖parameter‖², added to the parameter's gradient, for those
    parameters only whose name `decays` accepts (all if None).
    """

    def __init__(
        self, parameters: Mapping[str, Array], state: dict[str, Array], weight_decay: float, decays: Decays | None
    ) -> None:
        self.parameters = dict(parameters)
        self.state = state
        self.weight_decay = weight_decay
        self._decay = {
            name: weight_decay for name in self.parameters if weight_decay and (decays is None or decays(name))
        }
        arrays = self.parameters.values()
        apart = not any(np.may_share_memory(p, other) for p, other in combinations(arrays, 2))
        # One under two names is changed twice, in order; one that can't be cut takes as much room as it has itself.
        self._most = () if apart and all(p.flags.c_contiguous for p in arrays) else (1,)  # threads; no int, for repr
        self._rooms: dict[np.dtype, list[Array]] = {p.dtype: [] for p in self.parameters.values()}
        self._together = list(
            self._small_ones_together() if apart else ((self._decay.get(name, 0.0), [name]) for name in self.parameters)
        )

    def step(self, gradients: Mapping[str, Array], learning_rate: float) -> None:
        """Change every parameter in place; `gradients` has the parameters' names and shapes, and is left as it is.

        Raises ValueError, without changing anything, where names or shapes differ.
        """
        function = f"{type(self).__name__}.step"
        instance(function, "gradients", gradients, Mapping)
        rate = real(function, "learning_rate", learning_rate, least=0)
        if gradients.keys() != self.parameters.keys():
            raise ValueError(f"{function}: {_difference('gradients', self.parameters, gradients)}")
        for name, p in self.parameters.items():
            instance(function, f"gradient {name!r}", gradients[name], np.ndarray)
            if (shape := gradients[name].shape) != p.shape:
                raise ValueError(f"{function}: gradient {name!r} must be {p.shape}, like its parameter; got {shape}")
        parts = list(self._parts(gradients))
        operations = 8 * sum(p.size for p in self.parameters.values())
        threads.each(partial(self._change, rate), parts, operations, *self._most)

    def _small_ones_together(self) -> Iterator[tuple[float, list[str]]]:
        """Names of parameters to change at once, and their weight decay: small ones up to `SMALL` numbers, else one."""
        kinds: dict[tuple[float, np.dtype], list[str]] = {}
        for name, p in self.parameters.items():
            decay = self._decay.get(name, 0.0)
            if p.size >= SMALL or any(a.dtype != p.dtype for a in self._state_of(name)):
                yield decay, [name]
                continue
            names = kinds.setdefault((decay, p.dtype), [])
            if names and sum(self.parameters[other].size for other in names) + p.size > SMALL:
                yield decay, names
                names = kinds[decay, p.dtype] = []
            names.append(name)
        for (decay, _), names in kinds.items():
            yield decay, names

    def _parts(self, gradients: Mapping[str, Array]) -> Iterator[Part]:
        """Pieces of large parameters, and small ones together."""
        for decay, names in self._together:
            arrays = [[self.parameters[name], gradients[name], *self._state_of(name)] for name in names]
            if len(names) == 1 or any(g.dtype != p.dtype for p, g, *_ in arrays):
                for one in arrays:
                    yield from _pieces(decay, one)
            else:
                yield decay, arrays

    def _state_of(self, name: str) -> Iterator[Array]:
        return (self.state[key] for kind in STATE if (key := f"{kind}.{name}") in self.state)

    def _change(self, rate: float, part: Part) -> None:
        """Change a part of the parameters, in memory that no other thread uses meanwhile."""
        decay, parameters = part
        size, rooms = sum(p.size for p, *_ in parameters), self._rooms[parameters[0][0].dtype]
        count = 2 + (len(parameters) > 1) * len(parameters[0])
        try:
            room = rooms.pop()
        except IndexError:
            room = np.empty(0, parameters[0][0].dtype)
        if room.size < count * size:
            room = np.empty(count * size, room.dtype)
        a, b, *gathered = room[: count * size].reshape(count, size)
        for into, arrays in zip(gathered, zip(*parameters, strict=True), strict=False):
            np.concatenate([array.reshape(-1) for array in arrays], out=into)
        p, g, *state = gathered or parameters[0]
        a, b = a.reshape(p.shape), b.reshape(p.shape)
        if decay:
            np.multiply(p, decay, out=a)
            a += g
            g = a
        self._update(p, g, rate, a, b, *state)
        start = 0
        for own, _, *own_state in parameters if gathered else ():
            stop = start + own.size
            for array, changed in zip((own, *own_state), (p, *state), strict=True):
                array[...] = changed[start:stop].reshape(array.shape)
            start = stop
        rooms.append(room)

    def _update(self, p: Array, g: Array, rate: float, a: Array, b: Array, *state: Array) -> None:
        """Change p by its gradient g; a and b are to compute in, and g may lie in a."""
        raise NotImplementedError

    def __repr__(self) -> str:
        settings = {
            name: value for name, value in plain(vars(self)).items() if isinstance(value, bool | int | float | str)
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Copy a saved state into this one's arrays.

        Raises ValueError, without changing anything, where names or shapes differ.
        """
        function = f"{type(self).__name__}.load_state"
        instance(function, "state", state, Mapping)
        if state.keys() != self.state.keys():
            raise ValueError(f"{function}: {_difference('state', self.state, state)}")
        for name, array in self.state.items():
            if np.shape(state[name]) != array.shape:
                raise ValueError(f"{function}: {name!r} must be {array.shape}; got {np.shape(state[name])}")
        for name, array in self.state.items():
            array[...] = state[name]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay where wanted.

    With the gradient g, v ← momentum · v + g from v = 0, and then p ← p − learning_rate · v; with `nesterov`
    p ← p − learning_rate · (g + momentum · v). Without momentum v = g. torch computes the same. Keras puts the
    learning rate into v, which is the same as long as the rate stays; where it falls, Keras's older gradients keep the
    rate that they came with.

    Args:
        parameters: names and arrays of real floats, which `step` changes in place.
        momentum: from 0 up to, not including, 1.
        nesterov: whether to look ahead; with momentum only.
        weight_decay, decays: as in `Optimizer`; `decays_kernels` is a choice of decays.

    `state` has "momentum." and its name for each parameter, if there is momentum.

    Raises TypeError where a parameter is no ndarray of real floats or a setting not a number, ValueError where a
    parameter can't be written or a setting is out of range.

    >>> parameters = {"kernel": np.array([1.0, 2.0])}
    >>> optimizer = SGD(parameters, momentum=0.9)
    >>> for _ in range(2):
    ...     optimizer.step({"kernel": np.array([1.0, -1.0])}, learning_rate=0.1)
    >>> parameters["kernel"], optimizer.state["momentum.kernel"]
    (array([0.71, 2.29]), array([ 1.9, -1.9]))
    >>> optimizer
    SGD(momentum=0.9, nesterov=False, weight_decay=0.0)
    """

    def __init__(
        self,
        parameters: Mapping[str, Array],
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decays: Decays | None = None,
    ) -> None:
        _check("SGD", parameters, weight_decay, decays, momentum=momentum)
        boolean("SGD", "nesterov", nesterov)
        if nesterov and not momentum:
            raise ValueError(f"SGD: nesterov needs momentum above 0; got momentum {momentum!r}")
        self.momentum, self.nesterov = momentum, nesterov
        state = {f"momentum.{name}": np.zeros_like(p) for name, p in parameters.items()} if momentum else {}
        super().__init__(parameters, state, weight_decay, decays)

    def _update(self, p: Array, g: Array, rate: float, a: Array, b: Array, *state: Array) -> None:
        if self.momentum:
            (v,) = state
            v *= self.momentum
            v += g
            p -= np.multiply(v, rate * self.momentum if self.nesterov else rate, out=b)
        if self.nesterov or not self.momentum:
            p -= np.multiply(g, rate, out=a)


class RMSProp(Optimizer):
    """RMSProp, gradients divided by the root of their running mean square, with momentum and weight decay.

    As TensorFlow 1 has it, with which the MobileNetV2 paper's networks were trained (`convention="tensorflow"`), with
    the gradient g:

        m ← decay · m + (1 − decay) · g²                                      from m = 1
        v ← momentum · v + learning_rate · g / √(m + epsilon)                 from v = 0
        p ← p − v

    Keras (`convention="keras"`) starts from m = 0, and is the same otherwise. torch (`convention="torch"`) starts from
    m = 0, divides by √m + epsilon, and multiplies by the learning rate last, p ← p − learning_rate · v, so that a new
    rate also scales what earlier gradients still contribute.

    Args:
        parameters: names and arrays of real floats, which `step` changes in place.
        decay, momentum: from 0 up to, not including, 1.
        epsilon: above 0; 1 is the default of TF-slim's training script, and large: where m is far below it, this is
            gradient descent with momentum.
        weight_decay, decays: as in `Optimizer`; `decays_kernels` is a choice of decays.
        convention: "tensorflow", "keras" or "torch".

    `state` has "mean_square." and its name for each parameter, and "momentum." and its name if there is momentum.

    Raises TypeError where a parameter is no ndarray of real floats or a setting not a number, ValueError where a
    parameter can't be written or a setting is out of range.

    Source: the MobileNetV2 paper's section 6.1, decay 0.9, momentum 0.9, weight decay 0.00004.

    >>> parameters = {"kernel": np.array([1.0, 2.0])}
    >>> RMSProp(parameters, weight_decay=4e-5).step({"kernel": np.array([1.0, -1.0])}, learning_rate=0.1)
    >>> parameters["kernel"].round(4)
    array([0.9293, 2.0707])
    """

    def __init__(
        self,
        parameters: Mapping[str, Array],
        *,
        decay: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1.0,
        weight_decay: float = 0.0,
        decays: Decays | None = None,
        convention: str = "tensorflow",
    ) -> None:
        _check("RMSProp", parameters, weight_decay, decays, decay=decay, momentum=momentum)
        epsilon = positive("RMSProp", "epsilon", epsilon)
        one_of("RMSProp", "convention", convention, CONVENTIONS)
        self.decay, self.momentum, self.epsilon, self.convention = decay, momentum, epsilon, convention
        first = np.ones_like if convention == "tensorflow" else np.zeros_like
        state = {f"mean_square.{name}": first(p) for name, p in parameters.items()}
        if momentum:
            state |= {f"momentum.{name}": np.zeros_like(p) for name, p in parameters.items()}
        super().__init__(parameters, state, weight_decay, decays)

    def _update(self, p: Array, g: Array, rate: float, a: Array, b: Array, *state: Array) -> None:
        torch = self.convention == "torch"
        m, *momentum = state
        m *= self.decay
        np.multiply(g, g, out=b)
        b *= 1 - self.decay
        m += b
        root = np.sqrt(m if torch else np.add(m, self.epsilon, out=b), out=b)
        if torch:
            root += self.epsilon
        change = np.divide(g, root, out=a)
        if not torch:
            change *= rate
        for v in momentum:
            v *= self.momentum
            v += change
            change = v
        p -= np.multiply(change, rate, out=a) if torch else change


class Adam(Optimizer):
    """Adam, RMSProp whose gradient and mean square are running means with their start at 0 corrected.

    With the gradient g, from v = 0 and m = 0, and t = 1, 2, … counting the steps:

        m ← decay · m + (1 − decay) · g²
        v ← momentum · v + (1 − momentum) · g
        p ← p − learning_rate · v / (1 − momentumᵗ) / (√(m / (1 − decayᵗ)) + epsilon)

    torch computes the same. The paper calls momentum β₁ and decay β₂.

    Args:
        parameters: names and arrays of real floats, which `step` changes in place.
        momentum, decay: from 0 up to, not including, 1.
        epsilon: above 0.
        weight_decay, decays: as in `Optimizer`; `decays_kernels` is a choice of decays.

    `state` has "mean_square." and "momentum." and its name for each parameter, and "steps", their number.

    Raises TypeError where a parameter is no ndarray of real floats or a setting not a number, ValueError where a
    parameter can't be written or a setting is out of range.

    Source: D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.

    >>> parameters = {"kernel": np.array([1.0, 2.0])}
    >>> Adam(parameters).step({"kernel": np.array([1.0, -0.001])}, learning_rate=0.1)
    >>> parameters["kernel"].round(4)
    array([0.9, 2.1])
    """

    def __init__(
        self,
        parameters: Mapping[str, Array],
        *,
        momentum: float = 0.9,
        decay: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decays: Decays | None = None,
    ) -> None:
        _check("Adam", parameters, weight_decay, decays, momentum=momentum, decay=decay)
        self.momentum, self.decay, self.epsilon = momentum, decay, positive("Adam", "epsilon", epsilon)
        state = {f"{kind}.{name}": np.zeros_like(p) for kind in STATE for name, p in parameters.items()}
        super().__init__(parameters, state | {STEPS: np.zeros((), np.int64)}, weight_decay, decays)

    def step(self, gradients: Mapping[str, Array], learning_rate: float) -> None:
        super().step(gradients, learning_rate)
        self.state[STEPS] += 1

    def _update(self, p: Array, g: Array, rate: float, a: Array, b: Array, *state: Array) -> None:
        m, v = state
        steps = int(self.state[STEPS]) + 1
        m *= self.decay
        np.multiply(g, g, out=b)
        b *= 1 - self.decay
        m += b
        v *= self.momentum
        v += np.multiply(g, 1 - self.momentum, out=b)
        root = np.sqrt(np.divide(m, 1 - self.decay**steps, out=b), out=b)
        root += self.epsilon
        change = np.divide(v, root, out=a)
        change *= rate / (1 - self.momentum**steps)
        p -= change


def _pieces(decay: float, arrays: list[Array]) -> Iterator[Part]:
    """A parameter's arrays, in pieces where they are large and can be cut."""
    if arrays[0].size <= PIECE or not all(a.flags.c_contiguous for a in arrays):
        yield decay, [arrays]
        return
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, arrays[0].size, PIECE):
        yield decay, [[a[start : start + PIECE] for a in flat]]


def _check(
    function: str, parameters: Mapping[str, Array], weight_decay: float, decays: Decays | None, **shares: float
) -> None:
    instance(function, "parameters", parameters, Mapping)
    if decays is not None:
        callables(function, decays=decays)
    for name, p in parameters.items():
        array_of(function, f"parameter {name!r}", p, "f")
        if not p.flags.writeable:
            raise ValueError(
                f"{function}: parameter {name!r} {p.shape} can't be written, and a step changes it in place"
            )
    for name, value in {"weight_decay": weight_decay, **shares}.items():
        real(function, name, value, least=0, below=None if name == "weight_decay" else 1)


def _difference(what: str, wanted: Mapping[str, Array], got: Mapping[str, Array]) -> str:
    missing, others = sorted(wanted.keys() - got.keys()), sorted(got.keys() - wanted.keys())
    return f"{what} must have the parameters' names; missing: {missing or 'none'}, others: {others or 'none'}"
