"""Published names without what checkpoints, wrappers and files put around them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from .frozen_names import frozen_names
from .keras_order import named_by_order
from .known_names import all_kernels

UNUSED = ("num_batches_tracked", "seed_generator_state", "global_step")
"""Last parts of names that are no weights: counters, and the random state of Keras's dropout."""
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "module")
"""Keys under which a checkpoint has its state_dict, beside the epoch, the optimizer and others."""
OPTIMIZERS = ("optimizer", "optimizer_weights")
KERAS_PARTS = ("kernel", "depthwise_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def plain_names(arrays: Mapping[str, Any], function: str = "load_weights") -> dict[str, Array]:
    """Weights by their plain published names, from mappings of any depth and names of any decoration.

    - Groups in groups, as h5py has them, are flattened, and the state_dict of a checkpoint is taken out of it.
    - Optimizers' slots and moving averages beside the weights, counters and random states are passed over.
    - ":0" at the end goes, and so does what the network's names have in front, such as "module." or "model/".
      Of Keras's names the last two parts stay.
    - A frozen TensorFlow graph's "X/Conv2D_bn_offset" is X's bias; what it folded in part is folded whole.
    - Keras 3's "layers/conv2d_1/vars/0" is named by its group's attribute, or by the order of its layers.

    Raises:
        TypeError: no mapping, a name that is no str, a value that can't be made an array.
        ValueError: two arrays under one name, two networks in one mapping.

    >>> list(plain_names({"state_dict": {"module.features.0.0.weight": np.ones((2, 3, 3, 3))}, "epoch": 3}))
    ['features.0.0.weight']
    """
    if not isinstance(arrays, Mapping):
        raise TypeError(f"{function}: arrays must be a mapping from names to arrays; got {type(arrays).__name__}")
    flat = dict(_flat(function, _state_dict(arrays)))
    used = {name.removesuffix(":0"): value for name, value in flat.items() if not _is_unused(name, flat)}
    given = frozen_names(named_by_order({name: _array(function, name, value) for name, value in used.items()}))
    return _without_prefix(function, _last_parts(function, given))


def _state_dict(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state_dict in a checkpoint, or the arrays themselves where they are none."""
    for name in WRAPPERS:
        inner = arrays.get(name)
        if isinstance(inner, Mapping) and (
            any(key in WRAPPERS for key in inner) or not any(isinstance(value, Mapping) for value in inner.values())
        ):
            return _state_dict(inner)
    return arrays


def _flat(function: str, arrays: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The arrays in groups of groups under their paths, without optimizers.

    The group of a Keras layer's variables has the layer's name as an attribute; it stands in its path's place.
    """
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise TypeError(f"{function}: the names of arrays must be str; got {name!r}")
        if not isinstance(value, Mapping):
            yield path + name, value
        elif name not in OPTIMIZERS:
            yield from _flat(function, value, f"{path}{name}/")


def _is_unused(name: str, flat: Mapping[str, Any]) -> bool:
    """True for what is no weight: counters, random states, optimizers' slots and averages beside the weights."""
    parts = name.removesuffix(":0").split("/")
    beside = any("/".join(parts[:end]) in flat for end in range(1, len(parts)))
    return beside or parts[-1].rsplit(".", 1)[-1] in UNUSED or any(part in OPTIMIZERS for part in parts[:-1])


def _array(function: str, name: str, value: Any) -> Array:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"{function}: {name} can't be made an array: {error}; torch's tensors become one by "
            "value.detach().float().cpu().numpy()"
        ) from error


def _last_parts(function: str, given: Mapping[str, Array]) -> dict[str, Array]:
    """Keras's names cut to their last two parts, where one array only has them."""
    cut = {
        name: "/".join(name.split("/")[-2:]).replace("/depthwise_kernel", "/kernel")
        if name.rsplit("/", 1)[-1] in KERAS_PARTS and "/BatchNorm/" not in name
        else name
        for name in given
    }
    often, known = Counter(cut.values()), all_kernels()
    plain: dict[str, Array] = {}
    for name, a in given.items():
        if cut[name] in plain and cut[name] in known:
            raise ValueError(f"{function}: arrays must have {cut[name]} once; got it again as {name}")
        plain[name if often[cut[name]] > 1 and cut[name] not in known else cut[name]] = a
    return plain


def _without_prefix(function: str, given: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays without what most of the known kernels have in front of their names."""
    known = all_kernels()
    found = Counter(
        name[:start]
        for name in given
        for start in (0, *(place.end() for place in re.finditer(r"[./]", name)))
        if name[start:] in known
    )
    if not found or found[""] == max(found.values()):
        return dict(given)
    prefix, *others = (start for start, count in found.items() if count == max(found.values()))
    if others:
        raise ValueError(f"{function}: the arrays hold more than one network, under {prefix} and {others[0]}")
    return {name.removeprefix(prefix): a for name, a in given.items()}
