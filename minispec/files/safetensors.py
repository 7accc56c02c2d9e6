"""safetensors files in NumPy: 8 bytes of header length, a JSON header, then the raw arrays end to end.

Invariant: every header is checked against the file's true size before a byte of data is read, and the arrays tile the
data without gap or overlap, so a damaged file is a ValueError that names it.  Nothing in a file is ever executed.
But: it reads floating-point tensors only (as float32) and writes float32 only.
"""

import json
import math
import os
from dataclasses import dataclass
from itertools import chain

import numpy as np

from .reading import named_error, parse_object, read_bytes
from .writing import write_parts

# Bytes per number, little-endian.  Integers and booleans are known so that a file with such buffers can be measured.
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
         "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}
LONGEST_HEADER = 100_000_000             # bytes; the format's own limit
READABLE = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}   # NumPy has no bfloat16: read its bits


@dataclass(frozen=True)
class Entry:
    """One tensor's line in the header: what it is, and which bytes of the file it fills."""

    dtype: str
    shape: tuple[int, ...]
    begin: int                           # bytes from the start of the file
    end: int


def read_header(path) -> dict[str, Entry]:
    """What file `path` holds, by name.  Raises OSError, or ValueError naming the file and the fault."""
    size, text = read_header_text(path)
    header = parse_object(f"{path}: the header", text)
    header.pop("__metadata__", None)
    start = 8 + len(text)
    entries = {name: parse_entry(path, name, fields, start) for name, fields in header.items()}
    check_tiling(path, entries, start, size)
    return entries


def read_header_text(path) -> tuple[int, bytes]:
    """The size of file `path` in bytes, and its header as it stands there."""
    prefix = read_bytes(path, count=8)
    size = os.path.getsize(path)
    if len(prefix) < 8:
        raise ValueError(f"{path}: the file has {size} bytes; a safetensors file has at least 8")
    length = int.from_bytes(prefix, "little")
    # subtle: the first bytes of a pickle or a zip make a huge length; foreign files stop here.
    if length > min(size - 8, LONGEST_HEADER):
        raise ValueError(f"{path}: the header claims {length} bytes; {size - 8} follow, {LONGEST_HEADER} are allowed; "
                         "the file was cut short or is not safetensors")
    return size, read_bytes(path, begin=8, count=length)


def is_counts(value) -> bool:
    """Whether a JSON value is a list of whole numbers that can count elements or bytes (true and 1.0 cannot)."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2 ** 48 for n in value)


def parse_entry(path, name, fields, data_start) -> Entry:
    """The header line of tensor `name`, checked on its own.  Raises ValueError naming the file and the tensor."""
    where = f"{path}: tensor {name!r:.100}"
    if not isinstance(fields, dict):
        raise ValueError(f"{where} is {fields!r:.60}; it must be an object of dtype, shape and data_offsets")
    dtype = fields.get("dtype")
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise ValueError(f"{where} has dtype {dtype!r:.60}; it must be one of {', '.join(SIZES)}")
    shape = fields.get("shape")
    if not is_counts(shape) or len(shape) > 8:
        raise ValueError(f"{where} has shape {shape!r:.60}; it must be a list of at most 8 whole numbers")
    offsets = fields.get("data_offsets")
    if not is_counts(offsets) or len(offsets) != 2:
        raise ValueError(f"{where} has data_offsets {offsets!r:.60}; they must be two whole numbers")
    begin, end = offsets
    expected = math.prod(shape) * SIZES[dtype]
    if end - begin != expected:
        raise ValueError(f"{where} fills {end - begin} bytes; {dtype} of shape {shape} needs {expected}")
    return Entry(dtype, tuple(shape), data_start + begin, data_start + end)


def check_tiling(path, entries, data_start, size):
    """Raise ValueError unless the tensors cover the data, no byte twice and none left out: the format's own rule."""
    position = data_start
    for begin, end, name in sorted((entry.begin, entry.end, name) for name, entry in entries.items()):
        if begin != position:
            raise ValueError(f"{path}: tensor {name!r:.100} starts at byte {begin}; it must start at {position}")
        position = end
    if position != size:
        raise ValueError(f"{path}: the tensors end at byte {position}; the file must end there too, not at {size}")


def read_tensors(path, names=None) -> dict[str, np.ndarray]:
    """The tensors `names` (None: all) of file `path` as float32, C-contiguous.

    Memory holds them and one raw tensor.  Raises OSError, or ValueError naming the file and the fault.
    """
    header = read_header(path)
    tensors = {}
    for name in header if names is None else names:
        if name not in header:
            raise ValueError(f"{path}: there is no tensor {name!r:.100}")
        tensors[name] = read_tensor(path, name, header[name])
    return tensors


def read_tensor(path, name, entry) -> np.ndarray:
    """The numbers of one tensor as float32."""
    if entry.dtype not in READABLE or 0 in entry.shape:
        held = f"{entry.dtype} of shape {list(entry.shape)}"
        raise ValueError(f"{path}: tensor {name!r:.100} is {held}; it must be one of {', '.join(READABLE)}, not empty")
    count = math.prod(entry.shape)
    try:
        raw = np.fromfile(path, READABLE[entry.dtype], count, offset=entry.begin)
    except OSError as error:
        raise named_error(path, error) from None
    if entry.dtype == "BF16":
        # A bfloat16 is the upper half of a float32: same sign, same exponent, fewer digits.
        bits = raw.astype(np.uint32) << 16
        return bits.view(np.float32).reshape(entry.shape)
    # A float64 too large for float32 becomes infinite; whoever asked for weights checks for that.
    with np.errstate(over="ignore", invalid="ignore"):
        return raw.astype(np.float32, copy=False).reshape(entry.shape)


def write_tensors(path, tensors, metadata):
    """Write float32 arrays by name, and `metadata`, text by key.  Raises ValueError for another dtype, or OSError."""
    header = {"__metadata__": metadata}
    position = 0
    for name, array in tensors.items():
        if array.dtype != np.float32:
            raise ValueError(f"{path}: tensor {name!r:.100} is {array.dtype}; it must be float32")
        start, position = position, position + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, position]}
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)      # readers that map the file want arrays on 8-byte boundaries
    prefix = len(text).to_bytes(8, "little")
    arrays = (np.ascontiguousarray(array, "<f4").data for array in tensors.values())
    write_parts(path, chain((prefix, text), arrays))
