"""The messages between the grader and the process of a submission: numbers, arrays and words, never a pickle.

A message is a prefix (a mark, the request's nonce, two lengths), a header in JSON, and the bytes of the arrays that
the header describes. The process of a submission cannot import npconv and reads this file by its path: it needs the
standard library and NumPy alone.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

MARK = b"npcv"
PREFIX = struct.Struct(">4s16sII")  # the mark, the nonce, the bytes of the header, the bytes of the arrays
HEADER_BYTES = 1 << 21
DIGITS = 3500  # hexadecimal, of a whole number: 4215 decimal ones, and Python writes out no more than 4300
ITEMS = 64  # of a tuple
DTYPES = frozenset(np.dtype(code).str for code in "?" + np.typecodes["AllInteger"] + np.typecodes["AllFloat"])


class Readable(Protocol):
    """Bytes in order: a file, or a pipe between two workers of a page."""

    def read(self, count: int, /) -> bytes:
        """The next bytes, fewer where there are no more."""
        ...


class UnreadableError(ValueError):
    """A value that is no number, no array of numbers and no tuple of them; it cannot be sent."""


def pack(nonce: bytes, header: Mapping[str, Any], body: Sequence[bytes] = ()) -> bytes:
    """A message, whole; `body` holds the bytes to which `encode` gave the arrays of the header.

    Raises UnreadableError where the header is too long.
    """
    text = json.dumps(header).encode("ascii")
    if len(text) > HEADER_BYTES:
        raise UnreadableError(f"words and numbers of {len(text)} bytes")
    return b"".join((PREFIX.pack(MARK, nonce, len(text), sum(map(len, body))), text, *body))


def receive(stream: Readable, body_bytes: int) -> tuple[bytes, bytes, bytes] | None:
    """The next message as (nonce, header, bytes of the arrays), None where the stream ends.

    Raises UnreadableError where what comes is no message, or one with more than `body_bytes` bytes of arrays.
    """
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    mark, nonce, header, body = PREFIX.unpack(prefix)
    if mark != MARK or header > HEADER_BYTES or body > body_bytes:
        raise UnreadableError("something else than a reply")
    content = stream.read(header + body)
    if len(content) < header + body:
        return None
    return nonce, content[:header], content[header:]


def encode(value: Any, body: list[bytes], body_bytes: int) -> Any:
    """A value as the header has it; the bytes of its arrays are added to `body`, which may grow to `body_bytes`.

    >>> encode((1, "valid", None), [], 0)
    ['tuple', ['int', '1'], 'valid', None]

    Raises UnreadableError, which says what it is, where the value is anything else than a number, None, a word, an
    array of numbers, or a tuple or list of such.
    """
    if value is None or type(value) is str:
        return value
    if isinstance(value, np.ndarray):
        return _encode_array(value, body, body_bytes)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return ["int", _digits(int(value))]
    if isinstance(value, (float, np.floating)):
        return ["float", float(value).hex()]
    if isinstance(value, (complex, np.complexfloating)):
        return _encode_array(np.array(complex(value)), body, body_bytes)
    if isinstance(value, Fraction):
        return ["fraction", _digits(int(value.numerator)), _digits(int(value.denominator))]
    if isinstance(value, (tuple, list)):
        return ["tuple", *(encode(item, body, body_bytes) for item in value)]
    raise UnreadableError(described(value))


def decode(header: Any, body: bytes) -> list[Any]:
    """The values of a list of what `encode` made; its arrays are new ones, and every byte of `body` belongs to one.

    >>> decode([["tuple", ["int", "-ff"], ["fraction", "1", "3"]], None], b"")
    [(-255, Fraction(1, 3)), None]

    Raises UnreadableError where it is anything else.
    """
    try:
        values, end = [], 0
        for item in header:
            value, end = _decode(item, body, end)
            values.append(value)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError, RecursionError) as error:
        raise UnreadableError("something else than a reply") from error
    if end != len(body):
        raise UnreadableError("something else than a reply")
    return values


def check_answer(value: Any) -> None:
    """Nothing, where the value may be an answer: an array, a number, None, or a tuple or list of these.

    >>> check_answer([[1, 2], [3, 4]])
    Traceback (most recent call last):
        ...
    npconv.course.grading.messages.UnreadableError: a list of lists, not an array

    Raises UnreadableError, which says what it is instead.
    """
    if isinstance(value, str):
        raise UnreadableError(described(value))
    if isinstance(value, (tuple, list)):
        if len(value) > ITEMS:
            raise UnreadableError(f"{described(value)} of {len(value)} items, not an array")
        for item in value:
            if isinstance(item, (tuple, list)):
                raise UnreadableError(f"{described(value)} of {type(item).__name__}s, not an array")
            if isinstance(item, str):
                raise UnreadableError(f"{described(value)} with {described(item)}")


def described(value: Any) -> str:
    """The kind of a value, in a word or two.

    >>> described({}), described(iter([])), described(np.array(["a"]))
    ('a dict', 'a list_iterator', 'an array of strings')
    """
    if isinstance(value, np.ndarray):
        kinds = {"O": "objects", "U": "strings", "S": "bytes", "T": "strings", "V": "records"}
        return f"an array of {kinds.get(value.dtype.kind, value.dtype.name)}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def cleaned(text: str, characters: int) -> str:
    """A text without what could steer a terminal, cut to a number of characters.

    >>> cleaned("one\\x1b[2Jtwo three", 9)
    'one�[2Jtw …'
    """
    text = text if len(text) <= characters else text[:characters] + " …"
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _digits(number: int) -> str:
    if number.bit_length() > 4 * DIGITS:
        raise UnreadableError("a whole number of more than 4200 digits")
    return format(number, "x")


def _encode_array(array: Any, body: list[bytes], body_bytes: int) -> Any:
    plain = np.ndarray.view(array, np.ndarray)  # a subclass may have a view of its own
    dtype = plain.dtype.newbyteorder("=")
    if dtype.str not in DTYPES:
        raise UnreadableError(described(plain))
    if plain.nbytes + sum(map(len, body)) > body_bytes:  # before anything is copied: a view may repeat one number
        raise UnreadableError(f"an array {plain.shape} of {plain.nbytes} bytes, and {body_bytes} is the limit")
    body.append(plain.astype(dtype, copy=False).tobytes())
    fortran = plain.flags.f_contiguous and not plain.flags.c_contiguous
    return ["array", dtype.str, list(plain.shape), "F" if fortran else "C"]


def _decode(item: Any, body: bytes, start: int) -> tuple[Any, int]:
    """A value, and where in `body` the next one's bytes start."""
    if item is None or isinstance(item, (bool, str)):
        return item, start
    kind, *parts = item
    if kind == "array":
        name, shape, order = parts
        return _decode_array(name, shape, order, body, start)
    if kind == "tuple":
        values = []
        for part in parts:
            value, start = _decode(part, body, start)
            values.append(value)
        return tuple(values), start
    if not all(isinstance(part, str) and len(part) <= DIGITS + 1 for part in parts):
        raise ValueError(kind)
    if kind == "float":
        return float.fromhex(*parts), start
    numbers = [int(part, 16) for part in parts]
    if (kind, len(numbers)) not in (("int", 1), ("fraction", 2)):
        raise ValueError(kind)
    return numbers[0] if kind == "int" else Fraction(*numbers), start


def _decode_array(name: str, shape: Sequence[int], order: Any, body: bytes, start: int) -> tuple[Any, int]:
    if (
        name not in DTYPES
        or order not in ("C", "F")
        or not all(type(side) is int and 0 <= side < 1 << 31 for side in shape)
    ):
        raise ValueError(name)
    dtype = np.dtype(name)
    end = start + math.prod(shape) * dtype.itemsize
    if dtype.kind == "b":  # a byte of a forged reply may be neither 0 nor 1
        return (np.frombuffer(body[start:end], np.uint8) != 0).reshape(shape), end
    return np.frombuffer(body[start:end], dtype).reshape(shape).copy(order), end
