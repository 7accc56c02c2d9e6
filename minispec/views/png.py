"""A PNG file with a palette: a third of the size, which counts where notebooks keep their pictures.

Invariant: the 256 most frequent colours stay as they are, so areas do; every other pixel, on the rims of letters, gets
the nearest of them.  The same picture gives the same bytes.
"""

import struct
import zlib

import numpy as np

COLOURS = 256                            # the most that a palette of one byte a pixel can name


def palette_of(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours to keep, and for each pixel the number of its own.  codes: colours as 0xRRGGBB, one a pixel."""
    colours, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    kept = colours[np.sort(np.argsort(-counts, kind="stable")[:COLOURS])]
    apart = parts(colours)[:, None, :] - parts(kept)[None, :, :]
    nearest = np.argmin((apart ** 2).sum(axis=-1), axis=1)
    return kept, nearest[place].reshape(codes.shape)


def parts(codes: np.ndarray) -> np.ndarray:
    """Red, green and blue of colours as 0xRRGGBB, along a last axis."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1)


def with_palette(pixels: np.ndarray) -> bytes:
    """A PNG file.  pixels: height x width x 3, bytes."""
    wide = pixels.astype(np.int64)
    kept, numbers = palette_of(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])
    height, width = numbers.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)         # each row begins with 0: no filter
    rows[:, 1:] = numbers
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)       # 8 bits, 3: numbers of a palette
    return b"\x89PNG\r\n\x1a\n" + b"".join([
        chunk(b"IHDR", header), chunk(b"PLTE", parts(kept).astype(np.uint8).tobytes()),
        chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)), chunk(b"IEND", b"")])


def chunk(kind: bytes, body: bytes) -> bytes:
    """A part of a PNG file: length, kind, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
