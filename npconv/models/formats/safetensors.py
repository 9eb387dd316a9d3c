"""The .safetensors format: the header's length in 8 bytes, a header in JSON, and the raw numbers behind it."""

import os
from pathlib import Path
from typing import IO, Any

from ...files import parse_json
from ...kernels.arguments import is_int, shown
from ...kernels.geometry import Array
from .numbers import as_array, byte_count, from_bfloat16, read_exactly

DTYPES = {  # of NumPy; BF16 as 16 bits that become the upper half of a float32
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
LONGEST = 100_000_000  # bytes of a header, as the format itself has it


def read_safetensors(path: Path) -> dict[str, Array]:
    """The arrays of a .safetensors file by name, in the order of their bytes.

    Raises OSError where there is no such file, ValueError where anything in it doesn't fit: nothing is allocated before
    its place in the file is known.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header, start = _header(file, size)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict):
            raise ValueError(f"__metadata__ must be a JSON object; got {shown(metadata)}")
        entries = sorted((_entry(shown(name), entry), name) for name, entry in header.items())
        _check_offsets([(offsets, shown(name)) for (offsets, *_), name in entries], size - start)
        arrays = {}
        for ((begin, end), dtype, shape), name in entries:
            array = as_array(shown(name), read_exactly(file, end - begin), DTYPES[dtype], shape)
            arrays[name] = from_bfloat16(array) if dtype == "BF16" else array
    return arrays


def _header(file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """The header, and the place where the numbers begin."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise ValueError(f"its header must end in the file, which has {size:,} bytes; got a header of {length:,}")
    if length > LONGEST:
        raise ValueError(f"its header must have at most {LONGEST:,} bytes; got {length:,}")
    try:
        header = parse_json(read_exactly(file, length).decode(), unique=True)
    except ValueError as error:
        raise ValueError(f"its header is no JSON of names: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"its header must be a JSON object; got {shown(header)}")
    return header, 8 + length


def _entry(name: str, entry: Any) -> tuple[tuple[int, int], str, list[int]]:
    """A tensor's offsets, dtype and shape, once they fit each other."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name} must have dtype, shape and data_offsets; got {shown(entry)}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{name} must have a dtype of {', '.join(DTYPES)}; got {shown(dtype)}")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(is_int(each) and each >= 0 for each in offsets):
        raise ValueError(f"{name} must have two whole numbers from 0 on as data_offsets; got {shown(offsets)}")
    begin, end = offsets
    needed = byte_count(name, shape, int(DTYPES[dtype][2]))
    if end - begin != needed:
        raise ValueError(
            f"{name} must have data_offsets {needed:,} bytes apart, as {dtype} {shape} needs; got {shown(offsets)}"
        )
    return (begin, end), dtype, shape


def _check_offsets(places: list[tuple[tuple[int, int], str]], size: int) -> None:
    """Check that the tensors, in the order of their bytes, fill the rest of the file without a gap or an overlap."""
    reached, before = 0, "the header"
    for (begin, end), name in places:
        if begin != reached:
            fault = "overlap" if begin < reached else "leave a gap behind"
            raise ValueError(f"{name} has data_offsets [{begin:,}, {end:,}], which {fault} {before} up to {reached:,}")
        reached, before = end, name
    if reached != size:
        raise ValueError(
            f"its tensors must fill the {size:,} bytes behind the header; got data_offsets up to {reached:,}"
        )
