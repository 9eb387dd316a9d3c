"""Published names without what checkpoints, wrappers and files put around them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from .advice import advice
from .frozen_names import frozen_names
from .keras_order import NORM, UNTOLD, layer_arrays, named_by_order
from .known_names import tables
from .segmenter_names import used

UNUSED = ("num_batches_tracked", "seed_generator_state", "global_step")
"""Last parts of names that are no weights: counters, and the random state of Keras's dropout."""
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "module")
"""Keys under which a checkpoint has its state_dict, beside the epoch, the optimizer and others."""
OPTIMIZER = "optim"
KERAS_PARTS = ("kernel", "depthwise_kernel", "bias", *NORM[4], UNTOLD)


def plain_names(arrays: Mapping[str, Any], function: str = "load_weights") -> dict[str, Array]:
    """Weights by their plain published names, from mappings of any depth and names of any decoration.

    - Groups in groups, as h5py has them, are flattened, and the state_dict of a checkpoint is taken out of it.
    - Optimizers' slots and moving averages beside the weights, counters and random states are passed over, and so are
      parts of a segmentation network that its mask does not depend on.
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
        raise TypeError(
            f"{function}: arrays must be a mapping from names to arrays; got {type(arrays).__name__}"
            + next((advice(name) for name in ("weights", "state_dict") if hasattr(arrays, name)), "")
        )
    flat = dict(_flat(function, _state_dict(arrays)))
    weights = {name.removesuffix(":0"): value for name, value in flat.items() if not _is_unused(name, flat)}
    given = frozen_names(named_by_order({name: _array(function, name, value) for name, value in weights.items()}))
    return used(_without_prefix(function, _last_parts(function, given), arrays))


def _state_dict(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state_dict in a checkpoint, or the arrays themselves where they are none, or hold several."""
    inner = [_inside(arrays, name) for name in WRAPPERS]
    found = [each for each in inner if each and (each.keys() & set(WRAPPERS) or _is_flat(each))]
    return _state_dict(found[0]) if len(found) == 1 else arrays


def _is_flat(arrays: Mapping[str, Any]) -> bool:
    return not any("/" in str(name) or isinstance(value, Mapping) for name, value in arrays.items())


def _inside(arrays: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Contents of a mapping under a name: a mapping, or arrays whose names begin with it and a slash."""
    inner = arrays.get(name)
    if isinstance(inner, Mapping):
        return inner
    start = name + "/"
    return {key.removeprefix(start): a for key, a in arrays.items() if isinstance(key, str) and key.startswith(start)}


def _flat(function: str, arrays: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The arrays in groups of groups under their paths, without optimizers."""
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise TypeError(f"{function}: the names of arrays must be str; got {name!r}")
        if not isinstance(value, Mapping):
            yield path + name, value
        elif not name.startswith(OPTIMIZER):
            layer = getattr(value, "attrs", {}).get("name") if name == "vars" else None
            yield from layer_arrays(path, layer, value) if layer else _flat(function, value, f"{path}{name}/")


def _is_unused(name: str, flat: Mapping[str, Any]) -> bool:
    """True for what is no weight: counters, random states, optimizers' slots and averages beside the weights."""
    parts = name.removesuffix(":0").split("/")
    beside = any(f"{start}{end}" in flat for end in ("", ":0") for start in accumulate(parts[:-1], "{}/{}".format))
    return (
        beside
        or re.split(r"[./]", name.removesuffix(":0"))[-1] in UNUSED
        or any(part.startswith(OPTIMIZER) for part in parts[:-1])
    )


def _array(function: str, name: str, value: Any) -> Array:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{function}: {name} can't be made an array: {error}{advice('tensor')}") from error


def _last_parts(function: str, given: Mapping[str, Array]) -> dict[str, Array]:
    """Names cut to the layer and the array in it, those that begin with the network's to that.

    A name that two arrays would have is refused where it is a MobileNet's kernel, and else stays whole.
    """
    cut = {name: _cut(name) for name in given}
    often, known = Counter(cut.values()), known_kernels()
    plain: dict[str, Array] = {}
    for name, a in given.items():
        if cut[name] in plain and cut[name] in known:
            raise ValueError(f"{function}: arrays must have {cut[name]} once; got it again as {name}")
        plain[name if often[cut[name]] > 1 and cut[name] not in known else cut[name]] = a
    return plain


def _cut(name: str) -> str:
    if slim := re.search(r"MobilenetV[123]/(?!Mobilenet).*", name):
        return slim[0]
    if name.rsplit("/", 1)[-1] in KERAS_PARTS and "/BatchNorm/" not in name:  # TF-slim's stand inside their layer
        return "/".join(name.split("/")[-2:]).replace("/depthwise_kernel", "/kernel")
    return name


def _without_prefix(function: str, given: Mapping[str, Array], arrays: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays without what most of the known kernels have in front of their names.

    A part of a network lacks what the whole network has in front; it is added.
    """
    known = known_kernels()
    found: Counter[tuple[str, str]] = Counter()
    for name in given:
        for start in (0, *(place.end() for place in re.finditer(r"[./]", name))):
            front, root = name[:start], known.get(name[start:])
            if root is not None and not (root and front.endswith(root)):
                found[front, root] += 1
    if not found or found["", ""] == max(found.values()):
        return dict(given)
    (prefix, root), *others = (each for each, count in found.items() if count == max(found.values()))
    if others:
        raise ValueError(
            f"{function}: arrays must hold one network; got several, under {prefix or 'no prefix'} and {others[0][0]}"
            + _on_several(arrays, prefix)
        )
    firsts = {name.partition(".")[0] for name, added in known.items() if added == root}
    plain = {}
    for name, a in given.items():
        rest = name.removeprefix(prefix)
        plain[root + rest if name.startswith(prefix) and rest.partition(".")[0] in firsts else rest] = a
    return plain


def _on_several(arrays: Mapping[str, Any], prefix: str) -> str:
    """The advice how to give one network of several."""
    first = prefix.partition("/")[0]
    if isinstance(arrays.get(first), Mapping):
        return advice("part", name=first)
    return advice("prefix", prefix=prefix) if any(name.startswith(prefix) for name in arrays) else ""


@cache
def known_kernels() -> Mapping[str, str]:
    """The names of the kernels of all published networks, and what is to be put in front of each.

    That is nothing, but for the names that transformers' networks have without a classifier, and for those of a part
    that is held by another name, as `features` may be.
    """
    known = {name: "" for table in tables() for name in table.kernels}
    for table in tables():
        root, *others = {name.partition(".")[0] for name in table.kernels}
        if not others:
            known |= {name.removeprefix(f"{root}."): f"{root}." for name in table.kernels}
    return MappingProxyType(known)
