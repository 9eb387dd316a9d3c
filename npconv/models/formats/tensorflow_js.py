"""The format of TensorFlow.js: a model.json, whose manifest lists weights, and shards of raw numbers beside it."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from ...files import parse_json
from ...kernels.arguments import shown
from ...kernels.geometry import Array
from .numbers import as_array, byte_count, read_exactly

DTYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "|u1", "bool": "|b1"}
QUANTIZED = {"uint8": "|u1", "uint16": "<u2", "float16": "<f2"}
LARGEST = 100_000_000  # bytes of a model.json


def read_tensorflow_js(path: Path) -> dict[str, Array]:
    """The weights of a model.json, or of a manifest alone, by name; numbers stored in 8 or 16 bits are float32 again.

    Text is passed over. Raises OSError where a file is missing, ValueError where anything doesn't fit: a shard outside
    the folder, one that is listed twice, more or fewer bytes than the weights have.
    """
    arrays: dict[str, Array] = {}
    shards: set[Path] = set()
    for group in _groups(path):
        paths = [_shard(path, name) for name in group["paths"]]
        if len({*paths, *shards}) < len(paths) + len(shards):
            raise ValueError(f"its shards must be listed once; got {shown(group['paths'])}")
        shards.update(paths)
        for name, array in _weights(group["weights"], _joined(paths)):
            if name in arrays:
                raise ValueError(f"{shown(name)} stands in its manifest twice")
            arrays[name] = array
    return arrays


def _groups(path: Path) -> list[dict[str, Any]]:
    """The groups of the manifest, each with a list of paths and a list of weights."""
    if (size := path.stat().st_size) > LARGEST:
        raise ValueError(f"it must have at most {LARGEST:,} bytes; got {size:,}")
    try:
        model = parse_json(path.read_bytes().decode(), unique=True)
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    groups = model.get("weightsManifest") if isinstance(model, dict) else model
    if not isinstance(groups, list) or not groups:
        raise ValueError("it has no weightsManifest, as a model.json of TensorFlow.js has")
    for group in groups:
        lists = isinstance(group, dict) and all(isinstance(group.get(key), list) for key in ("paths", "weights"))
        if not lists or not all(
            isinstance(each, dict) and isinstance(each.get("name"), str) for each in group["weights"]
        ):
            raise ValueError(f"its weightsManifest must have groups of paths and named weights; got {shown(group)}")
    return groups


def _shard(path: Path, name: Any) -> Path:
    """A shard's place, which must be in the folder of its model.json."""
    if not isinstance(name, str) or not name or "\0" in name or "\\" in name or "://" in name:
        raise ValueError(f"its shards must be files beside it; got {shown(name)}")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or ".." in PurePosixPath(name).parts:
        raise ValueError(f"its shards must be in its own folder; got {shown(name)}")
    shard = path.parent / name
    if shard.exists() and not shard.is_file():
        raise ValueError(f"its shards must be files; got {shown(name)}")
    return shard


def _joined(paths: list[Path]) -> bytearray:
    """The shards' bytes, one behind the other."""
    data = bytearray()
    for path in paths:
        with path.open("rb") as file:
            data += read_exactly(file, os.fstat(file.fileno()).st_size)
    return data


def _weights(weights: list[dict[str, Any]], data: bytearray) -> Iterator[tuple[str, Array]]:
    """The weights of one group by name, which stand one behind the other in its data."""
    place = 0
    for weight in weights:
        name, shape, stored = shown(weight["name"]), weight.get("shape"), weight.get("dtype")
        quantization = weight.get("quantization")
        if stored == "string":
            place = _behind_text(name, byte_count(name, shape, 1), data, place)
            continue
        if not isinstance(quantization, dict | None):
            raise ValueError(f"{name} must have a JSON object as its quantization; got {shown(quantization)}")
        known, kind = (DTYPES, stored) if quantization is None else (QUANTIZED, quantization.get("dtype"))
        if not isinstance(kind, str) or kind not in known:
            raise ValueError(f"{name} must be stored as one of {', '.join(known)}; got {shown(kind)}")
        end = place + byte_count(name, shape, int(known[kind][2]))
        if end > len(data):
            raise ValueError(f"{name} must end in its shards, which have {len(data):,} bytes; got bytes up to {end:,}")
        array = as_array(name, data[place:end], known[kind], shape)
        yield weight["name"], array if quantization is None else _dequantized(name, array, stored, quantization)
        place = end
    if place < len(data):
        raise ValueError(f"its shards must hold the weights' {place:,} bytes; got {len(data):,}")


def _dequantized(name: str, array: Array, dtype: Any, quantization: dict[str, Any]) -> Array:
    """scale · n + minimum, computed in double precision as the library's runtime does; of float16 the number itself."""
    halves = quantization["dtype"] == "float16"
    if dtype != "float32" and (halves or dtype != "int32"):
        raise ValueError(
            f"{name} must be float32, or int32 from 8 or 16 bits, behind its quantization; got {shown(dtype)}"
        )
    if halves:
        return array.astype(np.float32, copy=False)
    scale, minimum = (_number(name, key, quantization.get(key)) for key in ("scale", "min"))
    exact = array.astype(np.float64) * scale + minimum
    with np.errstate(over="ignore"):
        return exact.astype(np.float32, copy=False) if dtype == "float32" else _rounded(name, exact)


def _number(name: str, key: str, value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) < math.inf:
        raise ValueError(f"{name} must have a finite number as its {key}; got {shown(value)}")
    return float(value)


def _rounded(name: str, exact: Array) -> Array:
    """The nearest whole numbers, of two the upper one, as JavaScript rounds."""
    whole = np.floor(exact) + (exact - np.floor(exact) >= 0.5)
    if (beyond := whole[abs(whole) > np.iinfo(np.int32).max]).size:
        raise ValueError(f"{name} must hold numbers of int32; got {beyond[0]:g}")
    return whole.astype(np.int32, copy=False)


def _behind_text(name: str, count: int, data: bytearray, place: int) -> int:
    """The place behind so many texts, each of which has its length in four bytes before it."""
    for _ in range(count):
        end = place + 4
        place = end + int.from_bytes(data[place:end], "little")
        if place > len(data):
            raise ValueError(f"{name} must have its texts in its shards, which have {len(data):,} bytes")
    return place
