"""The forward pass of GPT-2 over a whole batch, keeping what the backward pass will ask for.

Dimension key, at the end of every array's name:
    B rows of the batch    T tokens in a row    N = B*T, all tokens as one list    D width      H heads
    C channels of a head   S tokens attended    F feed-forward width               V vocabulary

Invariant: everything is computed in the dtype of the weights: float32 to train, float64 to check gradients.
It has no cache and generates nothing: `minispec.model` is the network that decodes, and a test compares the two.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..layers import GELU_CUBIC, GELU_SCALE


@dataclass(eq=False)
class NormSaved:
    """What the backward pass of one layer norm needs."""

    normal_ND: np.ndarray                # the input with mean 0 and variance 1
    inverse_N1: np.ndarray               # 1 / its standard deviation


@dataclass(eq=False)
class BlockSaved:
    """What the backward pass of one layer needs."""

    norm_1: NormSaved
    attention_in_ND: np.ndarray
    qkv_N3D: np.ndarray                  # the query third is already divided by sqrt(C)
    shares_BHTS: np.ndarray              # how token t shares its attention among tokens s <= t
    mixed_ND: np.ndarray
    norm_2: NormSaved
    mlp_in_ND: np.ndarray
    inner_NF: np.ndarray                 # before GELU
    gate_NF: np.ndarray                  # the factor GELU puts on its input, 0 to 1
    activated_NF: np.ndarray             # after GELU


@dataclass(eq=False)
class Saved:
    """What the backward pass of the model needs."""

    blocks: list[BlockSaved]
    norm_f: NormSaved
    hidden_ND: np.ndarray                # what the tied head reads


def linear(x_NI: np.ndarray, weight_IO: np.ndarray, bias_O: np.ndarray) -> np.ndarray:
    """y = x W + b, where GPT-2 stores W as (inputs I, outputs O)."""
    y_NO = x_NI @ weight_IO
    y_NO += bias_O
    return y_NO


def row_means(x_ND: np.ndarray) -> np.ndarray:
    """The mean of each row.  A product with a column of 1/D, because on rows this short np.mean is six times slower."""
    width = x_ND.shape[1]
    average_D1 = np.full((width, 1), 1 / width, dtype=x_ND.dtype)
    return x_ND @ average_D1


def normed(x_ND: np.ndarray, gain_D: np.ndarray, bias_D: np.ndarray, epsilon: float):
    """y = gain * (x - mean) / sqrt(variance + epsilon) + bias, row by row."""
    normal_ND = x_ND - row_means(x_ND)
    variance_N1 = row_means(normal_ND * normal_ND)
    variance_N1 += epsilon
    inverse_N1 = 1 / np.sqrt(variance_N1)
    normal_ND *= inverse_N1
    y_ND = normal_ND * gain_D
    y_ND += bias_D
    return y_ND, NormSaved(normal_ND, inverse_N1)


def gelu_and_gate(u_NF: np.ndarray):
    """gelu(u) = u * gate(u), gate(u) = (1 + tanh(z)) / 2, z = sqrt(2/pi) * (u + 0.044715 u^3).

    Eight passes over the largest arrays of the network: each works in place, and the gate is kept for backward.
    """
    gate_NF = u_NF * u_NF
    gate_NF *= GELU_SCALE * GELU_CUBIC
    gate_NF += GELU_SCALE
    gate_NF *= u_NF
    np.tanh(gate_NF, out=gate_NF)
    gate_NF *= 0.5
    gate_NF += 0.5
    return u_NF * gate_NF, gate_NF


def split_heads(x_ND: np.ndarray, rows: int, n_head: int) -> np.ndarray:
    """The same memory seen as (B, H, T, C): channels h*C to (h+1)*C of a token belong to head h."""
    x_BTHC = x_ND.reshape(rows, -1, n_head, x_ND.shape[1] // n_head)
    return x_BTHC.transpose(0, 2, 1, 3)


def split_qkv(qkv_N3D: np.ndarray, rows: int, n_head: int) -> list[np.ndarray]:
    """Query, key and value as three views (B, H, T, C): writing to one of them writes to qkv."""
    head_size = qkv_N3D.shape[1] // (3 * n_head)
    qkv_BT3HC = qkv_N3D.reshape(rows, -1, 3, n_head, head_size)
    return list(qkv_BT3HC.transpose(2, 0, 3, 1, 4))


def softmax_in_place(scores_BHTS: np.ndarray) -> np.ndarray:
    """exp(score) over its row's sum, in place; the row's maximum is taken off first so that exp cannot overflow."""
    scores_BHTS -= scores_BHTS.max(axis=-1, keepdims=True)
    np.exp(scores_BHTS, out=scores_BHTS)
    ones_S1 = np.ones((scores_BHTS.shape[-1], 1), dtype=scores_BHTS.dtype)
    scores_BHTS /= scores_BHTS @ ones_S1
    return scores_BHTS


def attention(qkv_N3D: np.ndarray, rows: int, n_head: int):
    """mixed = softmax_in_place(query key^T / sqrt(C) + mask) value, for all rows and heads at once."""
    query_BHTC, key_BHTC, value_BHTC = split_qkv(qkv_N3D, rows, n_head)
    length, head_size = query_BHTC.shape[2:]
    # Scaling the queries instead of the scores is the same product on a much smaller array.
    query_BHTC *= 1 / math.sqrt(head_size)
    scores_BHTS = query_BHTC @ key_BHTC.swapaxes(2, 3)
    future_TS = np.full((length, length), -math.inf, dtype=qkv_N3D.dtype)
    scores_BHTS += np.triu(future_TS, k=1)
    shares_BHTS = softmax_in_place(scores_BHTS)
    mixed_ND = np.empty((qkv_N3D.shape[0], n_head * head_size), dtype=qkv_N3D.dtype)
    np.matmul(shares_BHTS, value_BHTC, out=split_heads(mixed_ND, rows, n_head))
    return shares_BHTS, mixed_ND


def block_forward(config, weights: dict, layer: int, x_ND: np.ndarray, rows: int) -> BlockSaved:
    """One block: x += attention(norm(x)), then x += mlp(norm(x)).  x_ND, the residual stream, changes in place."""
    h = f"h.{layer}."
    epsilon = config.layer_norm_epsilon
    attention_in_ND, norm_1 = normed(x_ND, weights[h + "ln_1.weight"], weights[h + "ln_1.bias"], epsilon)
    qkv_N3D = linear(attention_in_ND, weights[h + "attn.c_attn.weight"], weights[h + "attn.c_attn.bias"])
    shares_BHTS, mixed_ND = attention(qkv_N3D, rows, config.n_head)
    x_ND += linear(mixed_ND, weights[h + "attn.c_proj.weight"], weights[h + "attn.c_proj.bias"])

    mlp_in_ND, norm_2 = normed(x_ND, weights[h + "ln_2.weight"], weights[h + "ln_2.bias"], epsilon)
    inner_NF = linear(mlp_in_ND, weights[h + "mlp.c_fc.weight"], weights[h + "mlp.c_fc.bias"])
    activated_NF, gate_NF = gelu_and_gate(inner_NF)
    x_ND += linear(activated_NF, weights[h + "mlp.c_proj.weight"], weights[h + "mlp.c_proj.bias"])
    return BlockSaved(norm_1, attention_in_ND, qkv_N3D, shares_BHTS, mixed_ND,
                      norm_2, mlp_in_ND, inner_NF, gate_NF, activated_NF)


def forward(config, weights: dict, tokens_BT: np.ndarray) -> Saved:
    """All blocks over all rows.  The logits are left to `logits`, since the loss wants them for some tokens only."""
    rows, length = tokens_BT.shape
    if length > config.n_positions:
        raise ValueError(f"tokens_BT has rows of {length}; the model has {config.n_positions} positions")
    if tokens_BT.min() < 0 or tokens_BT.max() >= config.vocab_size:
        raise ValueError(f"tokens_BT holds {tokens_BT.min()} to {tokens_BT.max()}; "
                         f"tokens go from 0 to {config.vocab_size - 1}")
    x_BTD = weights["wte.weight"][tokens_BT]
    x_BTD += weights["wpe.weight"][:length]
    x_ND = x_BTD.reshape(rows * length, config.n_embd)
    blocks = []
    for layer in range(config.n_layer):
        blocks.append(block_forward(config, weights, layer, x_ND, rows))
    hidden_ND, norm_f = normed(x_ND, weights["ln_f.weight"], weights["ln_f.bias"], config.layer_norm_epsilon)
    return Saved(blocks, norm_f, hidden_ND)


def logits(weights: dict, hidden_ND: np.ndarray) -> np.ndarray:
    """The tied head: a token's logit is the product of the hidden state with that token's own embedding."""
    return hidden_ND @ weights["wte.weight"].T
