"""Formats that their own libraries read, where these are installed: HDF5 and Keras's files, torch's, ONNX."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...kernels.arguments import shown
from ...kernels.geometry import Array
from .npz import first_line, unpacked

NUMBERS = "biufc"  # kinds of dtypes that are read; text and records beside them are passed over
MOST_PACKED = 1032  # times as many bytes as it has can come out of deflate, HDF5's usual compression


def read_hdf5(path: Path, file: Any = None) -> dict[str, Array]:
    """The datasets of an HDF5 file by their paths, such as "model_weights/Conv1/Conv1/kernel:0"; what is no number not.

    Raises ImportError without h5py, ValueError for a damaged file, a dataset that is in another file, or one that is
    larger than what the file holds of it.
    """
    try:
        import h5py  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise _missing("h5py", path) from error
    arrays = {}

    def take(name: str, dataset: Any) -> None:
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in NUMBERS:
            return
        if dataset.external or dataset.is_virtual:
            raise ValueError(f"{shown(name)} is in another file, which is not read")
        if dataset.nbytes > MOST_PACKED * dataset.id.get_storage_size():
            raise ValueError(f"{shown(name)} must be in it whole; got a shape of {dataset.shape} without its numbers")
        arrays[name] = np.asarray(dataset[()])

    try:
        with h5py.File(file or path, "r") as opened:
            opened.visititems(take)
    except OSError as error:
        raise ValueError(f"it is no readable HDF5 file: {error}") from error
    return arrays


def read_keras(path: Path) -> dict[str, Array]:
    """The arrays of a .keras archive by their paths in its model.weights.h5.

    Raises ImportError without h5py, ValueError where it has no such file, and as `read_hdf5`.
    """
    with zipfile.ZipFile(path) as archive:
        if "model.weights.h5" not in archive.namelist():
            raise ValueError("it has no model.weights.h5, as a .keras archive has")
        with archive.open("model.weights.h5") as stream:
            weights = unpacked(stream)
    return read_hdf5(path, io.BytesIO(weights))


def read_torch(path: Path) -> dict[str, Array]:
    """The tensors of a file of torch.save by their names; names of inner mappings are joined by "/".

    bfloat16 becomes float32. It runs no code from the file: one that needs that is refused, as is a whole model.

    Raises ImportError without torch, ValueError where torch can't read it so.
    """
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise _missing("torch", path) from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, and of many lines
        if code := re.search(r"Unsupported (?:global: GLOBAL|class) ([\w.]+)", str(error)):
            raise ValueError(
                f"it needs {code[1]}, and no code is run to read a file; torch.save(model.state_dict(), …) writes "
                "the weights alone"
            ) from error
        raise ValueError(f"torch.load(…, weights_only=True) doesn't read it: {first_line(error)}") from error
    arrays, floats = {}, (torch.float16, torch.float32, torch.float64)  # as NumPy has them
    for name, tensor in _tensors(content, torch.Tensor, ""):
        if name in arrays:
            raise ValueError(f"{shown(name)} stands in it twice")
        dense = tensor.detach().to_dense() if tensor.layout != torch.strided else tensor.detach()
        dense = dense.dequantize() if dense.is_quantized else dense
        dense = dense.float() if dense.is_floating_point() and dense.dtype not in floats else dense
        arrays[name] = dense.resolve_conj().resolve_neg().numpy()
    return arrays


def read_onnx(path: Path) -> dict[str, Array]:
    """The initialisers of an ONNX model by name, those in files beside it too, and what its Constant nodes hold.

    Kernels and biases into which torch's exporters folded batch normalisation are named by the convolution's module.
    Numbers of a dtype that NumPy doesn't have, such as bfloat16, become float32; text is passed over.

    Raises ImportError without onnx, ValueError where onnx can't read it.
    """
    try:
        import onnx  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise _missing("onnx", path) from error
    try:
        graph = onnx.load(path).graph
        tensors = [(tensor.name, tensor) for tensor in graph.initializer]
        for node in graph.node:
            if node.op_type == "Constant":
                tensors += [(node.output[0], each.t) for each in node.attribute if each.name == "value"]
        arrays = {name: onnx.numpy_helper.to_array(tensor) for name, tensor in tensors}
    except Exception as error:  # of many kinds
        raise ValueError(f"onnx doesn't read it: {first_line(error)}") from error
    if len(arrays) < len(tensors):
        raise ValueError("it has a name for two of its tensors")
    for name, module in _module_names(graph):
        if name in arrays and module not in arrays:
            arrays[module] = arrays.pop(name)
    numbers = {name: a for name, a in arrays.items() if a.dtype.kind not in "OSU"}
    return {name: a if a.dtype.kind in NUMBERS else a.astype(np.float32) for name, a in numbers.items()}


def _missing(library: str, path: Path) -> ImportError:
    """The one line that says how to get a library."""
    return ImportError(f"read_arrays: {path} needs {library}: pip install {library}", name=library)


def _tensors(content: Any, kind: type, name: str) -> Iterator[tuple[str, Any]]:
    """The tensors in mappings and lists, with their paths."""
    if isinstance(content, kind):
        yield name, content
    elif isinstance(content, Mapping | list | tuple):
        pairs = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in pairs:
            yield from _tensors(value, kind, f"{name}/{key}" if name else str(key))


def _module_names(graph: Any) -> Iterator[tuple[str, str]]:
    """Names that torch's exporters make up for what they fold, each with that by the convolution's module.

    They are "onnx::Conv_538" in a node "/features/features.0/features.0.0/Conv", and "features.0.0.weight_bias".
    """
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) > 1:
            _, kernel, *biases = node.input
            module = kernel.rpartition(".weight")[0]
            if kernel.startswith("onnx::"):
                module = _dotted(node.name.split("/")[1:-1])
            pairs = (kernel, "weight"), *((bias, "bias") for bias in biases)
            made_up = ("onnx::", f"{kernel}_bias")
            yield from ((name, f"{module}.{part}") for name, part in pairs if module and name.startswith(made_up))


def _dotted(path: list[str]) -> str:
    """A module's name, from a path in which a member of a sequence repeats the name of the sequence.

    >>> _dotted(["features", "features.1", "conv", "conv.0", "conv.0.0"])
    'features.1.conv.0.0'
    """
    kept: list[str] = []
    for part in path:
        if kept and part.startswith(f"{kept[-1]}."):
            kept.pop()
        kept.append(part)
    return ".".join(kept)
