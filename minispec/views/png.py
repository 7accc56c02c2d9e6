"""A PNG file with a palette: a third of the size, which counts where notebooks keep their pictures.

Invariant: the 256 most frequent colours stay as they are, so areas do; every other pixel, on the rims of letters, gets
the nearest of them.  The same picture gives the same bytes.
"""

import io

import numpy as np

COLOURS = 256                            # the most that a palette of one byte a pixel can name


def palette_of(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours to keep, and for each pixel the number of its own.  codes: colours as 0xRRGGBB, one a pixel."""
    colours, counts = np.unique(codes, return_counts=True)
    kept = colours[np.sort(np.argsort(-counts, kind="stable")[:COLOURS])]
    apart = parts(colours)[:, None, :] - parts(kept)[None, :, :]
    number_of = np.zeros(1 << 24, dtype=np.uint8)            # for every colour that there is
    number_of[colours] = np.argmin((apart ** 2).sum(axis=-1), axis=1)
    return kept, number_of[codes]


def parts(codes: np.ndarray) -> np.ndarray:
    """Red, green and blue of colours as 0xRRGGBB, along a last axis."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1)


def with_palette(pixels: np.ndarray) -> bytes:
    """A PNG file.  pixels: height x width x 3, bytes."""
    from PIL import Image                # comes with matplotlib
    wide = pixels.astype(np.int64)
    kept, numbers = palette_of(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])
    image = Image.fromarray(numbers)
    image.putpalette(parts(kept).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
