"""What this machine's BLAS library is, and what it does to the last bits of a row.

Invariant: what the library does is measured, here and by `check`; its name is only told.  No BLAS promises that
a row keeps its bits.  OpenBLAS, BLIS, ATLAS and the reference BLAS were seen to keep them for all sizes; in MKL a row's
bits depend on where in memory it begins, so it keeps them where all sizes are multiples of 4 floats, as in the bundled
models and GPT-2.
"""

import ctypes
import sys
from functools import cache
from pathlib import Path

import numpy as np

from ..layers import row_products

# (width, heads): one head and many, most of them no multiple of 4 floats
ODD_SIZES = ((4, 1), (5, 1), (6, 6), (7, 1), (9, 3), (10, 5), (13, 1), (15, 15), (18, 2), (27, 9), (33, 1), (50, 10),
             (63, 7), (75, 1), (96, 8), (99, 33), (100, 4))
CORE_NAMES = ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename64_",
              "openblas_get_corename")

ROUNDS_ROWS_APART = ("this machine's BLAS library rounds a row of some sizes differently when it stands in a block, or "
                     "elsewhere in memory")
STILL_HOLDS = ("What still holds is the text: each token is the target's own choice, and differs from plain decoding "
               "only where two logits nearly tie.  Compare tokens, not bits, and count a difference there as rounding.")
# the outcome of a bug that multiplies rows in blocks, where that changes nothing
NO_BLOCK_ROUNDING = "none on this BLAS"


def blas_name() -> str:
    """The library as NumPy reports it, and the kernel that OpenBLAS chose for this processor."""
    built = np.show_config(mode="dicts")["Build Dependencies"].get("blas", {})
    named = [built.get("name"), built.get("version")]
    words = [word for word in named if word and word != "unknown"] or ["no BLAS library that it names"]
    kernel = openblas_kernel()
    return " ".join(words) + (f", kernel {kernel}" if kernel else "")


def openblas_kernel() -> str:
    """Such as "Haswell"; "" where NumPy's library is not OpenBLAS, or does not say."""
    wheel = Path(np.__file__).parent.parent / "numpy.libs"
    for path in (sys.modules["numpy._core._multiarray_umath"].__file__, *wheel.glob("*openblas*.dll")):
        library = ctypes.CDLL(str(path))                 # loaded already; outside Windows it finds what it links to
        for name in CORE_NAMES:
            if hasattr(library, name):
                core_name = getattr(library, name)
                core_name.restype = ctypes.c_char_p
                return core_name().decode()
    return ""


@cache
def blocks_round_differently() -> bool:
    """Whether one product of many rows has other bits here than many products of one row."""
    random = np.random.default_rng(0)
    for width, _ in ODD_SIZES:
        rows_TD = random.standard_normal((9, width)).astype(np.float32)
        weight_DF = random.standard_normal((width, 3 * width)).astype(np.float32)
        if np.any(rows_TD @ weight_DF != row_products(rows_TD, weight_DF)):
            return True
    return False
