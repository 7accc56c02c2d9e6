"""The arithmetic of one layer: row products, layer norm, GELU, softmax.  Arrays in, arrays out.

Invariant: what comes out for a row depends on that row only, to the last bit.  All of it is float32, because every
factor is a Python float: a NumPy float64 scalar would turn the whole array into float64.
"""

import math

import numpy as np

GELU_SCALE = math.sqrt(2 / math.pi)
GELU_CUBIC = 0.044715
BLOCK_WEIGHTS = 400_000                  # of the output product, 1.6 MB: stays in the processor's cache for all rows


def row_products(rows_TD: np.ndarray, weight_DF: np.ndarray) -> np.ndarray:
    """rows @ weight, one row at a time, so that a row's bits do not depend on how many rows there are.

    subtle: T products of (1, D) call the same routine as T = 1 does; one product of (T, D) would call another.
    No BLAS promises more; MKL's routine asks where in memory a row begins, unless D is a multiple of 4 (`check` tells).
    """
    stacked_T1D = rows_TD[:, None, :]
    products_T1F = stacked_T1D @ weight_DF
    return products_T1F[:, 0]


def output_products(rows_TD: np.ndarray, embeddings_VD: np.ndarray) -> np.ndarray:
    """The logits: rows @ embeddings.T, row by row, for one block of the vocabulary after the other.

    Blocks outside and rows inside: where the vocabulary is too large for the processor's cache, each weight is fetched
    from memory once for all rows, not once for each.  subtle: BLAS sums a single column by another routine, and columns
    in groups of 4; so blocks are multiples of 64, and the last one takes the rest.
    """
    vocab_size, width = embeddings_VD.shape
    size = max(BLOCK_WEIGHTS // width // 64, 1) * 64
    starts = range(0, max(vocab_size - size, 0) + 1, size)
    logits_TV = np.empty((len(rows_TD), vocab_size), dtype=np.float32)
    for start in starts:
        end = vocab_size if start == starts[-1] else start + size
        logits_TV[:, start:end] = row_products(rows_TD, embeddings_VD[start:end].T)
    return logits_TV


def layer_norm(hidden_TD: np.ndarray, gain_D: np.ndarray, bias_D: np.ndarray, epsilon: float) -> np.ndarray:
    """Each row shifted to mean 0 and scaled to variance 1, then times gain plus bias."""
    width = hidden_TD.shape[-1]
    mean_T1 = np.add.reduce(hidden_TD, axis=-1, keepdims=True) / width
    centred_TD = hidden_TD - mean_T1
    squares_TD = centred_TD * centred_TD
    variance_T1 = np.add.reduce(squares_TD, axis=-1, keepdims=True) / width
    deviation_T1 = np.sqrt(variance_T1 + epsilon)
    normal_TD = centred_TD / deviation_T1
    return normal_TD * gain_D + bias_D


def gelu(up_TF: np.ndarray) -> np.ndarray:
    """GPT-2's smooth step, x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x**3)))."""
    squares_TF = up_TF * up_TF
    factor_TF = squares_TF * (GELU_SCALE * GELU_CUBIC) + GELU_SCALE      # the inside of tanh, one x taken out
    gate_TF = np.tanh(up_TF * factor_TF) + 1
    return up_TF * gate_TF * 0.5


def softmax(scores_HTP: np.ndarray) -> np.ndarray:
    """exp(scores) over their sum along the last axis; the maximum is taken off first, so that exp cannot overflow."""
    highest_HT1 = np.maximum.reduce(scores_HTP, axis=-1, keepdims=True)
    exponentials_HTP = np.exp(scores_HTP - highest_HT1)
    total_HT1 = np.add.reduce(exponentials_HTP, axis=-1, keepdims=True)
    return exponentials_HTP / total_HT1
