"""Files of weights: what is in them comes out, and where anything doesn't fit they are refused in words."""

import io
import json
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from npconv.models import export_weights, mobilenet_v2, read_arrays
from npconv.models.formats import safetensors

RNG = np.random.default_rng(0)
SMALL = {"a": RNG.standard_normal((2, 3), dtype=np.float32), "b": np.arange(5, dtype=np.int64)}
F4 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def safetensors_file(header, data=b"", length=None):
    """The bytes of a .safetensors file, of a header as JSON or as bytes, with another length than its own if told."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def as_safetensors(arrays):
    """Arrays by name as a .safetensors file; a dtype's name may stand beside an array."""
    header, data = {"__metadata__": {"format": "np"}}, b""
    for name, (dtype, array) in arrays.items():
        raw = array.tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        data += raw
    return safetensors_file(header, data)


def npz_file(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(shape, data=b"", dtype="<f4"):
    """A member of an .npz file whose header may say what it likes."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": dtype, "fortran_order": False, "shape": shape})
    return head.getvalue() + data


def weight(name="a", shape=(2,), dtype="float32", **quantization):
    entry = {"name": name, "shape": list(shape), "dtype": dtype}
    return entry | ({"quantization": quantization} if quantization else {})


def model_json(*weights, paths=("shard",), **more):
    return json.dumps({"weightsManifest": [{"paths": list(paths), "weights": list(weights)}]} | more).encode()


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


def same(arrays, expected):
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype, name
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def test_npz_of_numpy_and_of_a_network(tmp_path):
    arrays = SMALL | {
        "order": np.asfortranarray(RNG.standard_normal((3, 4))),
        "none": np.zeros((0, 3)),
        "one": np.array(3.0),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        read = read_arrays(tmp_path / "a.npz")
        same(read, arrays)
        read["a"][...] = 0  # they may be written into
    network = mobilenet_v2(0.35, 3, rows=((1, 8, 1, 1),))
    network.save(tmp_path / "network.npz")
    assert read_arrays(str(tmp_path / "network.npz")).keys() == {*network.arrays(), "conventions", "specification"}


STORED = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
    "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip


def test_every_dtype_of_safetensors(tmp_path):
    assert STORED.keys() | {"BF16"} == safetensors.DTYPES.keys()
    arrays = {name: (name, np.array([[0, 1, 1], [1, 0, 1]], dtype)) for name, dtype in STORED.items()}
    arrays["none"] = "F32", np.zeros((3, 0), np.float32)
    arrays["one"] = "F64", np.array(-2.5)
    path = write(tmp_path, "a.safetensors", as_safetensors(arrays))
    same(read_arrays(path), {name: array for name, (_, array) in arrays.items()})


def test_bfloat16_is_exactly_float32(tmp_path):
    bits = np.arange(2**16, dtype=np.uint16)
    read = read_arrays(write(tmp_path, "a.safetensors", as_safetensors({"a": ("BF16", bits)})))["a"]
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read.view(np.uint32), bits.astype(np.uint32) * 2**16)


SAFETENSORS = {
    "header must end in the file, which has 3 bytes": b"\1\0\0",
    "which has 10 bytes; got a header of 3": safetensors_file(b"{}", length=3),
    "which has 10 bytes; got a header of 9,223,372,036,854,775,808": safetensors_file(b"{}", length=2**63),
    "its header is no JSON of names: 'utf-8' codec can't decode": safetensors_file(b'{"\xff": 1}'),
    "its header is no JSON of names: 'a' stands in it twice": safetensors_file(b'{"a": 1, "b": 2, "a": 3}'),
    "its header is no JSON of names: it is nested too deeply": safetensors_file(b'{"a":' * 100_000),
    "its header is no JSON of names: NaN is no number": safetensors_file(b'{"a": NaN}'),
    "its header must be a JSON object; got [1]": safetensors_file(b"[1]", b"{"),
    "__metadata__ must be a JSON object; got 3": safetensors_file({"__metadata__": 3}),
    "'a' must have dtype, shape and data_offsets; got 3": safetensors_file({"a": 3}),
    "'a' must have dtype, shape and data_offsets; got {'dtype'": safetensors_file({"a": {"dtype": "F32"}}),
    "'a' must have a dtype of F64, F32,": safetensors_file({"a": F4 | {"dtype": "F8_E4M3"}}, bytes(8)),
    "BOOL; got ['F32']": safetensors_file({"a": F4 | {"dtype": ["F32"]}}, bytes(8)),
    "as its shape; got 2": safetensors_file({"a": F4 | {"shape": 2}}, bytes(8)),
    "as its shape; got [-2]": safetensors_file({"a": F4 | {"shape": [-2]}}, bytes(8)),
    "as its shape; got [2.0]": safetensors_file({"a": F4 | {"shape": [2.0]}}, bytes(8)),
    "as its shape; got [True, 2]": safetensors_file({"a": F4 | {"shape": [True, 2]}}, bytes(8)),
    "as its shape; got [18446744073709551616": safetensors_file({"a": F4 | {"shape": [2**64, 2]}}, bytes(8)),
    "must have at most 32 axes; got 33": safetensors_file({"a": F4 | {"shape": [1] * 32 + [2]}}, bytes(8)),
    "a shape that an array can have; got [4294967296, 4294967296": safetensors_file(
        {"a": F4 | {"shape": [2**32, 2**32, 0]}}, bytes(8)
    ),
    "as data_offsets; got [0, True]": safetensors_file({"a": F4 | {"data_offsets": [0, True]}}, bytes(8)),
    "as data_offsets; got [-8, 0]": safetensors_file({"a": F4 | {"data_offsets": [-8, 0]}}, bytes(8)),
    "as data_offsets; got [0, 4, 8]": safetensors_file({"a": F4 | {"data_offsets": [0, 4, 8]}}, bytes(8)),
    "data_offsets 8 bytes apart, as F32 [2] needs; got [8, 0]": safetensors_file(
        {"a": F4 | {"data_offsets": [8, 0]}}, bytes(8)
    ),
    "data_offsets 12 bytes apart, as F32 [3] needs; got [0, 8]": safetensors_file({"a": F4 | {"shape": [3]}}, bytes(8)),
    "'b' has data_offsets [4, 12], which overlap 'a' up to 8": safetensors_file(
        {"a": F4, "b": F4 | {"data_offsets": [4, 12]}}, bytes(12)
    ),
    "'a' has data_offsets [8, 16], which leave a gap behind the header up to 0": safetensors_file(
        {"a": F4 | {"data_offsets": [8, 16]}}, bytes(16)
    ),
    "must fill the 9 bytes behind the header; got data_offsets up to 8": safetensors_file({"a": F4}, bytes(9)),
    "must fill the 7 bytes behind the header; got data_offsets up to 8": safetensors_file({"a": F4}, bytes(7)),
    "must fill the 0 bytes behind the header; got data_offsets up to 4,000,000,000": safetensors_file(
        {"a": F4 | {"shape": [10**9], "data_offsets": [0, 4 * 10**9]}}
    ),
    "'a' must hold bools of 0 and 1; got 2": safetensors_file(
        {"a": {"dtype": "BOOL", "shape": [2], "data_offsets": [0, 2]}}, b"\1\2"
    ),
}


def refused(path, words):
    """Check that a file is refused in these words, and that little more memory is taken than it has bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            read_arrays(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(raised.value)
    assert message.startswith(f"read_arrays: {path}: ")
    assert words in message
    assert len(message) < 1000
    assert peak < 2_000_000 + 10 * path.stat().st_size


@pytest.mark.parametrize("words", SAFETENSORS)
def test_a_malformed_safetensors_file_is_refused(words, tmp_path):
    refused(write(tmp_path, "a.safetensors", SAFETENSORS[words]), words)


def test_a_header_longer_than_the_format_allows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors, "LONGEST", 20)
    refused(
        write(tmp_path, "a", safetensors_file({"a": F4}, bytes(8))), "its header must have at most 20 bytes; got 61"
    )


NPZ = {
    "'a' is no array in NumPy's format": npz_file({"a.npy": b"text"}),
    "'a' is no array in NumPy's format: Header info length": npz_file({"a.npy": npy((2,) * 6000)}),
    "'a' holds Python objects, which are not read": npz_file({"a.npy": npy((1,), b"\x80\x04N.", "|O")}),
    "'a' must have 8 bytes, as float32 (2,) needs; got 7": npz_file({"a.npy": npy((2,), bytes(7))}),
    "'a' must have 8 bytes, as float32 (2,) needs; got more": npz_file({"a.npy": npy((2,), bytes(9))}),
    "'a' must have 4,000,000,000,000 bytes": npz_file({"a.npy": npy((10**12,), bytes(8))}),
    "'a' must have a shape that an array can have; got [4294967296,": npz_file({"a.npy": npy((2**32, 2**32, 0))}),
    "as its shape; got [-1]": npz_file({"a.npy": npy((-1,))}),
    "as its shape; got [True]": npz_file({"a.npy": npy((True,), bytes(4))}),
    "'a' must have at most 32 axes; got 33": npz_file({"a.npy": npy((1,) * 33, bytes(4))}),
    "File is not a zip file": b"PK\3\4" + bytes(40),
}  # fmt: skip


@pytest.mark.parametrize("words", NPZ)
def test_a_malformed_npz_file_is_refused(words, tmp_path):
    refused(write(tmp_path, "a.npz", NPZ[words]), words)


def test_members_that_are_damaged_twice_or_one_over_another_are_refused(tmp_path):
    whole = npz_file({"a.npy": npy((100,), bytes(400)), "b.npy": npy((100,), bytes(400))})
    refused(write(tmp_path, "a.npz", whole.replace(bytes(400), bytes(399) + b"\1", 1)), "Bad CRC-32")
    refused(write(tmp_path, "b.npz", whole[:600]), "File is not a zip file")
    twice = npz_file({"a.npy": npy((1,), bytes(4)), "b.npy": npy((1,), bytes(4))}).replace(b"b.npy", b"a.npy")
    refused(write(tmp_path, "c.npz", twice), "'a' stands in it twice")
    directory = whole.index(b"PK\1\2")  # whose entries say that each member has 900 bytes
    longer = whole[:directory] + whole[directory:].replace(struct.pack("<II", 528, 528), struct.pack("<II", 900, 900))
    assert longer != whole
    refused(write(tmp_path, "d.npz", longer), "its members overlap")


def test_a_member_is_unpacked_no_further_than_its_array(tmp_path):
    packed = npz_file({"a.npy": npy((2,), bytes(50_000_000))}, zipfile.ZIP_DEFLATED)
    refused(write(tmp_path, "a.npz", packed), "'a' must have 8 bytes, as float32 (2,) needs; got more")


def test_shards_may_part_the_weights_at_any_byte(tmp_path):
    stored = np.array([1.5, -2], "<f4").tobytes() + np.array([7, -8, 9], "<i4").tobytes() + b"\1\0\1" + b"\xc8"
    weights = weight(), weight("b", (3, 1), "int32"), weight("c", (3,), "bool"), weight("d", (), "uint8")
    expected = {
        "a": np.array([1.5, -2], np.float32), "b": np.array([[7], [-8], [9]], np.int32),
        "c": np.array([True, False, True]), "d": np.array(200, np.uint8),
    }  # fmt: skip
    (tmp_path / "below").mkdir()
    path = write(tmp_path, "model.json", model_json(*weights, paths=("one", "below/two"), format="layers-model"))
    for place in range(len(stored) + 1):
        write(tmp_path, "one", stored[:place])
        write(tmp_path, "below/two", stored[place:])
        same(read_arrays(path), expected)


def test_groups_and_manifests_alone_and_texts_that_are_passed_over(tmp_path):
    groups = [
        {"paths": ["one"], "weights": [weight("a"), weight("text", (2,), "string"), weight("b", (1,))]},
        {"paths": ["two"], "weights": [weight("c", (1,), "float16"), weight("none", (0, 4))]},
        {"paths": [], "weights": []},
    ]
    write(tmp_path, "one", np.array([1, 2], "<f4").tobytes() + b"\3\0\0\0abc\0\0\0\0" + np.array([3], "<f4").tobytes())
    write(tmp_path, "two", np.array([4], "<f2").tobytes())
    expected = {
        "a": np.array([1, 2], np.float32), "b": np.array([3], np.float32), "c": np.array([4], np.float16),
        "none": np.zeros((0, 4), np.float32),
    }  # fmt: skip
    for content in (groups, {"format": "graph-model", "weightsManifest": groups}):
        same(read_arrays(write(tmp_path, "weights_manifest.json", json.dumps(content).encode())), expected)


@pytest.mark.parametrize(("kind", "most"), [("uint8", 255), ("uint16", 65535)])
def test_quantised_numbers_are_computed_in_double_precision(kind, most, tmp_path):
    stored, scale, least = np.arange(0, most + 1, most // 255).astype(kind), 0.0123456789, -1.1
    write(tmp_path, "shard", stored.tobytes())
    quantised = weight(shape=stored.shape, dtype=kind, scale=scale, min=least)
    path = write(tmp_path, "model.json", model_json({**quantised, "dtype": "float32"} | {"quantization": {
        "dtype": kind, "scale": scale, "min": least}}))  # fmt: skip
    read = read_arrays(path)["a"]
    assert read.dtype == np.float32
    assert read.tolist() == [float(np.float32(n * scale + least)) for n in stored.tolist()]
    assert (read != stored * np.float32(scale) + np.float32(least)).any()


def test_halves_are_float32_and_whole_numbers_round_up(tmp_path):
    halves = np.array([1.5, 6e-8, -65504, np.inf], "<f2")
    write(tmp_path, "shard", halves.tobytes() + b"\0\1\2\3")
    numbers = {"dtype": "uint8", "scale": 0.5, "min": -1.5}
    weights = (
        weight(shape=(4,)) | {"quantization": {"dtype": "float16"}},
        weight("b", (4,), "int32") | {"quantization": numbers},
    )
    read = read_arrays(write(tmp_path, "model.json", model_json(*weights)))
    same(read, {"a": halves.astype(np.float32), "b": np.array([-1, -1, 0, 0], np.int32)})


QUANTISED = {"dtype": "uint8", "scale": 1, "min": 0}
TENSORFLOW_JS = {  # with a shard of 8 bytes beside it
    "it is no JSON: Expecting value": b'{"weightsManifest": ',
    "it is no JSON: 'a' stands in it twice": b'{"a": 1, "a": 2}',
    "it has no weightsManifest, as a model.json": b'{"modelTopology": {}}',
    "must have groups of paths and named weights; got 3": b'{"weightsManifest": [3]}',
    "named weights; got {'paths': ['shard']}": b'{"weightsManifest": [{"paths": ["shard"]}]}',
    "named weights; got {'paths': [], 'weights': [{'name': 3,": model_json(weight(name=3), paths=()),
    "its shards must be files beside it; got 3": model_json(weight(), paths=(3,)),
    "beside it; got ''": model_json(weight(), paths=("",)),
    "beside it; got 'https://example.org/shard'": model_json(weight(), paths=("https://example.org/shard",)),
    "beside it; got 'below\\\\shard'": model_json(weight(), paths=("below\\shard",)),
    "beside it; got 'sha\\x00rd'": model_json(weight(), paths=("sha\0rd",)),
    "in its own folder; got '/shard'": model_json(weight(), paths=("/shard",)),
    "in its own folder; got 'C:shard'": model_json(weight(), paths=("C:shard",)),
    "in its own folder; got '../shard'": model_json(weight(), paths=("../shard",)),
    "in its own folder; got 'below/../../shard'": model_json(weight(), paths=("below/../../shard",)),
    "its shards must be files; got 'below'": model_json(weight(), paths=("below",)),
    "its shards must be listed once; got ['shard', 'shard']": model_json(weight(shape=(4,)), paths=("shard", "shard")),
    "'a' stands in its manifest twice": model_json(weight(shape=(1,)), weight(shape=(1,))),
    "'a' must be stored as one of float32, float16, int32, uint8, bool; got 'complex64'": model_json(
        weight(dtype="complex64")
    ),
    "bool; got None": model_json({"name": "a", "shape": [2]}),
    "'a' must have a JSON object as its quantization; got 'uint8'": model_json(weight() | {"quantization": "uint8"}),
    "stored as one of uint8, uint16, float16; got 'int8'": model_json(weight() | {"quantization": {"dtype": "int8"}}),
    "behind its quantization; got 'int32'": model_json(
        weight(shape=(4,), dtype="int32") | {"quantization": {"dtype": "float16"}}
    ),
    "behind its quantization; got 'bool'": model_json(weight(shape=(8,), dtype="bool") | {"quantization": QUANTISED}),
    "a finite number as its scale; got None": model_json(weight(shape=(8,)) | {"quantization": {"dtype": "uint8"}}),
    "a finite number as its min; got True": model_json(
        weight(shape=(8,)) | {"quantization": QUANTISED | {"min": True}}
    ),
    "a finite number as its scale; got inf": model_json(weight(shape=(8,)) | {"quantization": QUANTISED}).replace(
        b'"scale": 1', b'"scale": 1e999'
    ),
    "'a' must hold numbers of int32; got 3e+09": model_json(
        weight(shape=(8,), dtype="int32") | {"quantization": QUANTISED | {"min": 3e9}}
    ),
    "as its shape; got None": model_json({"name": "a", "dtype": "float32"}),
    "as its shape; got [2.0]": model_json(weight() | {"shape": [2.0]}),
    "as its shape; got [-1]": model_json(weight(shape=(-1,))),
    "'a' must have a shape that an array can have": model_json(weight(shape=(2**62, 2**62))),
    "'a' must end in its shards, which have 8 bytes; got bytes up to 4,000,000,000": model_json(weight(shape=(10**9,))),
    "its shards must hold the weights' 4 bytes; got 8": model_json(weight(shape=(1,))),
    "'a' must have its texts in its shards, which have 8 bytes": model_json(weight(shape=(10**9,), dtype="string")),
    "'a' must hold bools of 0 and 1; got 7": model_json(weight(shape=(8,), dtype="bool")),
}


@pytest.mark.parametrize("words", TENSORFLOW_JS)
def test_a_malformed_model_of_tensorflow_js_is_refused(words, tmp_path):
    (tmp_path / "below").mkdir()
    write(tmp_path, "shard", b"\1\0\0\0\7\0\0\0")
    refused(write(tmp_path, "model.json", TENSORFLOW_JS[words]), words)


def test_a_shard_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_arrays(write(tmp_path, "model.json", model_json(weight(), paths=("nowhere",))))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.h5", b"<!DOCTYPE html>\n<html>", "it is a web page"),
        ("a.npz", b"<HTML>", "it is a web page"),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, and not yet the file"),
        ("a.tflite", b"\x1c\0\0\0TFL3\x14\0", "it is a model of TensorFlow Lite, which is not read"),
        ("a.npy", b"\x93NUMPY\1\0", "it is one array without a name"),
        ("a.h5", b"text", "it begins with b'text', which no file of HDF5 does"),
        ("a.npz", b"", "it begins with b'', which no file of NumPy and Keras does"),
        (
            "a.weights",
            b"text",
            "its ending is none of those that are read: safetensors (.safetensors), TensorFlow.js (.json)",
        ),
    ],
)
def test_another_file_is_named_for_what_it_is(name, content, words, tmp_path):
    refused(write(tmp_path, name, content), words)


def test_a_folder_and_no_file_are_said(tmp_path):
    with pytest.raises(ValueError, match=r"^read_arrays: .*: it is no file$"):
        read_arrays(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "nowhere.npz")


def test_the_ending_does_not_matter_where_the_content_is_known(tmp_path):
    np.savez(tmp_path / "a.npz", **SMALL)
    same(read_arrays((tmp_path / "a.npz").rename(tmp_path / "weights.h5")), SMALL)
    content = as_safetensors({"a": ("F32", SMALL["a"])})
    same(read_arrays(write(tmp_path, "weights", content)), {"a": SMALL["a"]})


@pytest.mark.parametrize(
    ("library", "name", "content"),
    [
        ("h5py", "a.h5", b"\x89HDF\r\n\x1a\n"),
        ("h5py", "a.keras", npz_file({"config.json": "{}", "model.weights.h5": ""})),
        ("torch", "a.pth", npz_file({"archive/data.pkl": b""})),
        ("torch", "a.pth", b"\x80\x02\x8a"),
        ("onnx", "a.onnx", b"\x08\x0a"),
    ],
)
def test_a_library_that_is_missing_is_named_with_how_to_get_it(library, name, content, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    path = write(tmp_path, name, content)
    with pytest.raises(ImportError) as raised:
        read_arrays(path)
    assert str(raised.value) == f"read_arrays: {path} needs {library}: pip install {library}"


def test_the_tensors_of_torch(tmp_path):
    torch = pytest.importorskip("torch")
    inner = {"w": torch.ones(2, 3, requires_grad=True), "half": torch.tensor([1.5, 3e38], dtype=torch.bfloat16)}
    content = {
        "state_dict": inner,
        "epoch": 3,
        "steps": [torch.tensor(2)],
        "sparse": torch.eye(2).to_sparse(),
        "row": torch.eye(3)[1],
    }
    expected = {
        "state_dict/w": np.ones((2, 3), np.float32), "state_dict/half": inner["half"].float().numpy(),
        "steps/0": np.array(2), "sparse": np.eye(2, dtype=np.float32), "row": np.array([0, 1, 0], np.float32),
    }  # fmt: skip
    for zipped in (True, False):
        torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
        same(read_arrays(tmp_path / "a.pth"), expected)
    torch.save({"a": object()}, tmp_path / "b.pth")
    words = ", and no code is run to read a file; torch.save(model.state_dict(), …) writes the weights alone"
    refused(tmp_path / "b.pth", f"it needs object{words}")
    torch.save(torch.nn.Linear(2, 3), tmp_path / "b.pth", _use_new_zipfile_serialization=False)
    refused(tmp_path / "b.pth", f"it needs torch.nn.modules.linear.Linear{words}")
    refused(write(tmp_path, "b.pth", b"\x80\x02abc"), "torch.load(…, weights_only=True) doesn't read it: ")
    torch.save({"a": {"b": torch.ones(1)}, "a/b": torch.ones(1)}, tmp_path / "c.pth")
    refused(tmp_path / "c.pth", "'a/b' stands in it twice")


def test_a_program_of_torchscript_is_said(tmp_path):
    program = npz_file({"a/data.pkl": b"", "a/constants.pkl": b"", "a/code/__torch__.py": b""})
    refused(
        write(tmp_path, "a.pt", program), "it is a program of TorchScript; torch.save(torch.jit.load(…).state_dict()"
    )


def test_the_datasets_of_hdf5_and_of_keras(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["model_weights/Conv1/Conv1/kernel:0"] = SMALL["a"]
        file.create_dataset("packed", data=np.zeros(100_000, np.float32), compression="gzip")
        file["text"] = "passed over"
    expected = {"model_weights/Conv1/Conv1/kernel:0": SMALL["a"], "packed": np.zeros(100_000, np.float32)}
    same(read_arrays(tmp_path / "a.h5"), expected)
    archive = npz_file({"config.json": "{}", "model.weights.h5": (tmp_path / "a.h5").read_bytes()})
    same(read_arrays(write(tmp_path, "a.keras", archive)), expected)
    refused(write(tmp_path, "b.keras", npz_file({"config.json": "{}"})), "it has no model.weights.h5")
    refused(write(tmp_path, "b.h5", (tmp_path / "a.h5").read_bytes()[:100]), "it is no readable HDF5 file: ")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("a", (10**9,), np.float32, chunks=(1000,))
    refused(tmp_path / "c.h5", "'a' must be in it whole; got a shape of (1000000000,) without its numbers")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_dataset("a", (2,), np.float32, external=[(str(tmp_path / "other"), 0, 8)])
    refused(tmp_path / "d.h5", "'a' is in another file, which is not read")


def test_the_initialisers_and_constants_of_onnx(tmp_path):
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    half = helper.make_tensor("half", onnx.TensorProto.BFLOAT16, [2], [1.5, -2.0])
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(SMALL["b"]))
    graph = helper.make_graph([constant], "g", [], [], [numpy_helper.from_array(SMALL["a"], "a"), half])
    expected = {"a": SMALL["a"], "half": np.array([1.5, -2], np.float32), "c": SMALL["b"]}
    onnx.save(helper.make_model(graph), tmp_path / "a.onnx")
    same(read_arrays(tmp_path / "a.onnx"), expected)
    onnx.save(
        helper.make_model(graph), tmp_path / "b.onnx", save_as_external_data=True, location="beside", size_threshold=0
    )
    assert (tmp_path / "beside").exists()
    same(read_arrays(tmp_path / "b.onnx"), expected)
    (tmp_path / "beside").unlink()
    refused(tmp_path / "b.onnx", "onnx doesn't read it: ")
    refused(write(tmp_path, "c.onnx", b"\x08\x0a\x3a\xff\xff"), "onnx doesn't read it: ")
    graph.initializer.append(numpy_helper.from_array(SMALL["a"], "c"))
    onnx.save(helper.make_model(graph), tmp_path / "d.onnx")
    refused(tmp_path / "d.onnx", "it has a name for two of its tensors")


def test_what_torch_s_exporters_fold_is_named_by_its_module(tmp_path):
    onnx = pytest.importorskip("onnx")
    nodes = [  # a kernel and a bias without names, a bias alone, and what has names of its own
        ("/features/features.1/conv/conv.0/conv.0.0/Conv", "onnx::Conv_538", "onnx::Conv_539"),
        ("node_Conv_811", "conv_stem.weight", "conv_stem.weight_bias"),
        ("/gate/conv/Conv", "fc1.weight", "fc1.bias"),
        ("/shared_1/Conv", "onnx::Conv_538"),  # once more
        ("/fc1/other/Conv", "onnx::Conv_540"),
        ("/fc1/Conv", "onnx::Conv_541"),  # a name that another has
        ("Conv_0", "onnx::Conv_542"),  # a node without a path
        ("", "stem", "stem_bias"),
        ("/fc2/Conv",),
    ]
    nodes = [onnx.helper.make_node("Conv", ["x", *taken], ["y"], name=name) for name, *taken in nodes]
    names = {name for node in nodes for name in node.input} - {"x"}
    tensors = [onnx.numpy_helper.from_array(np.ones(1, np.float32), name) for name in names]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [], tensors)), tmp_path / "a.onnx")
    assert read_arrays(tmp_path / "a.onnx").keys() == {
        "features.1.conv.0.0.weight", "features.1.conv.0.0.bias", "conv_stem.weight", "conv_stem.bias",
        "fc1.weight", "fc1.bias", "fc1.other.weight", "onnx::Conv_541", "onnx::Conv_542", "stem", "stem_bias",
    }  # fmt: skip


def test_what_is_read_is_what_a_network_has(tmp_path):
    arrays = export_weights(mobilenet_v2(0.35, 3, rows=((1, 8, 1, 1), (6, 8, 1, 2)), conventions="torchvision"))
    path = write(tmp_path, "a.safetensors", as_safetensors({name: ("F32", a) for name, a in arrays.items()}))
    same(read_arrays(path), arrays)
