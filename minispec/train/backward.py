"""The backward pass of GPT-2, derived by hand: the loss of a batch and its gradient for every weight.

The legend is forward.py's.  Each function takes d_y, the gradient of the loss for its output y, and returns the
gradient for its input; what belongs to a weight is written into `gradients` under that weight's own name.
Every derivation is the chain rule on indices: d_x_i = sum over j of d_y_j * (dy_j / dx_i).

Invariant: gradients has the keys, shapes and dtype of weights.  No graph is recorded and nothing is differentiated
automatically: the tests compare every element with finite differences instead.
"""

import math

import numpy as np

from ..layers import GELU_CUBIC, GELU_SCALE
from .forward import BlockSaved, NormSaved, Saved, forward, logits, row_means, split_heads, split_qkv

IGNORED = -1                             # a target that asks nothing of the model: padding, or beyond the end


def loss_and_gradients(config, weights: dict, tokens_BT: np.ndarray, targets_BT: np.ndarray) -> tuple[float, dict]:
    """The mean cross-entropy over the targets that are not -1, and its gradient for every weight."""
    saved = forward(config, weights, tokens_BT)
    loss, d_logits_KV, kept_K = cross_entropy(weights, saved, targets_BT)
    gradients = {}
    d_hidden_ND = head_backward(weights, gradients, saved.hidden_ND, d_logits_KV, kept_K)
    d_x_ND = layer_norm_backward(weights, gradients, "ln_f", saved.norm_f, d_hidden_ND)
    for layer in reversed(range(config.n_layer)):
        d_x_ND = block_backward(config, weights, gradients, layer, saved.blocks[layer], d_x_ND, len(tokens_BT))
    embedding_backward(weights, gradients, tokens_BT, d_x_ND)
    return loss, gradients


def mean_loss(config, weights: dict, tokens_BT: np.ndarray, targets_BT: np.ndarray) -> float:
    """The loss alone, for texts held out of training."""
    saved = forward(config, weights, tokens_BT)
    return cross_entropy(weights, saved, targets_BT)[0]


def cross_entropy(weights: dict, saved: Saved, targets_BT: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """loss = mean over the K kept tokens of log(sum_v exp(logit_v)) - logit_target.

    d loss / d logit_v = (softmax_v - [v is the target]) / K: what was predicted minus what came, shared by K tokens.
    """
    targets_N = targets_BT.reshape(-1)
    kept_K = np.flatnonzero(targets_N != IGNORED)
    if len(kept_K) == 0:
        raise ValueError(f"targets_BT holds nothing but {IGNORED}; at least one target must be a token")
    targets_K = targets_N[kept_K]
    vocab_size = len(weights["wte.weight"])
    if targets_K.min() < 0 or targets_K.max() >= vocab_size:
        raise ValueError(f"targets_BT holds {targets_K.min()} to {targets_K.max()}; "
                         f"targets go from 0 to {vocab_size - 1}, or {IGNORED} to be ignored")
    position_K = np.arange(len(kept_K))
    # One array is logits, then exponentials, then probabilities, then their gradient.
    logits_KV = logits(weights, saved.hidden_ND[kept_K])
    logits_KV -= logits_KV.max(axis=-1, keepdims=True)
    chosen_K = logits_KV[position_K, targets_K]
    np.exp(logits_KV, out=logits_KV)
    sums_K1 = logits_KV.sum(axis=-1, keepdims=True)
    loss = np.log(sums_K1[:, 0]) - chosen_K
    logits_KV *= 1 / (sums_K1 * len(kept_K))
    logits_KV[position_K, targets_K] -= 1 / len(kept_K)
    return float(loss.mean()), logits_KV, kept_K


def head_backward(weights: dict, gradients: dict, hidden_ND: np.ndarray, d_logits_KV: np.ndarray,
                  kept_K: np.ndarray) -> np.ndarray:
    """logits = hidden E^T, so d_hidden = d_logits E and d_E = d_logits^T hidden.

    E is also the embedding of the input tokens: `embedding_backward` adds the second half of its gradient.
    """
    gradients["wte.weight"] = d_logits_KV.T @ hidden_ND[kept_K]
    d_hidden_ND = np.zeros_like(hidden_ND)
    d_hidden_ND[kept_K] = d_logits_KV @ weights["wte.weight"]
    return d_hidden_ND


def embedding_backward(weights: dict, gradients: dict, tokens_BT: np.ndarray, d_x_ND: np.ndarray) -> None:
    """x = E[token] + P[position]: each token's d_x is added to its row of E, each position's to its row of P."""
    rows, length = tokens_BT.shape
    np.add.at(gradients["wte.weight"], tokens_BT.reshape(-1), d_x_ND)
    gradients["wpe.weight"] = np.zeros_like(weights["wpe.weight"])
    gradients["wpe.weight"][:length] = d_x_ND.reshape(rows, length, -1).sum(axis=0)


def column_sums(x_NO: np.ndarray) -> np.ndarray:
    """The sum over all tokens.  A product with a row of ones, which is faster than np.sum over the first axis."""
    ones_N = np.ones(x_NO.shape[0], dtype=x_NO.dtype)
    return ones_N @ x_NO


def linear_backward(weights: dict, gradients: dict, name: str, x_NI: np.ndarray, d_y_NO: np.ndarray) -> np.ndarray:
    """y_no = sum_i x_ni W_io + b_o.

    x_ni reaches every output o through W_io, so d_x = d_y W^T.  W_io is used once by every token n, with x_ni, so
    d_W = x^T d_y; and b_o once by every token, with 1, so d_b = sum_n d_y_n.
    """
    gradients[name + ".weight"] = x_NI.T @ d_y_NO
    gradients[name + ".bias"] = column_sums(d_y_NO)
    return d_y_NO @ weights[name + ".weight"].T


def layer_norm_backward(weights: dict, gradients: dict, name: str, saved: NormSaved, d_y_ND: np.ndarray) -> np.ndarray:
    """y = gain * n + bias with n = (x - mean) / sigma, so d_gain = sum d_y n, d_bias = sum d_y, d_n = d_y gain.

    x_i moves n_j in three ways: itself, the mean, and sigma:  dn_j/dx_i = ([i = j] - 1/D - n_i n_j / D) / sigma.
    Hence d_x = (d_n - mean(d_n) - n * mean(d_n * n)) / sigma: no part along the mean or along n survives.
    """
    product_ND = d_y_ND * saved.normal_ND
    gradients[name + ".weight"] = column_sums(product_ND)
    gradients[name + ".bias"] = column_sums(d_y_ND)
    gain_D = weights[name + ".weight"]
    d_x_ND = d_y_ND * gain_D
    product_ND *= gain_D
    np.multiply(saved.normal_ND, row_means(product_ND), out=product_ND)
    product_ND += row_means(d_x_ND)
    d_x_ND -= product_ND
    d_x_ND *= saved.inverse_N1
    return d_x_ND


def gelu_backward(u_NF: np.ndarray, gate_NF: np.ndarray, d_y_NF: np.ndarray) -> np.ndarray:
    """y = u g with g = (1 + tanh z) / 2, so dy/du = g + u dg/du; tanh' = 1 - tanh^2 makes dg/dz = 2 g (1 - g).

    z = s (u + c u^3) gives dz/du = s (1 + 3 c u^2), and so d_u = d_y (g + g (1 - g) u (2 s + 6 s c u^2)).
    """
    d_u_NF = u_NF * u_NF
    d_u_NF *= 6 * GELU_SCALE * GELU_CUBIC
    d_u_NF += 2 * GELU_SCALE
    d_u_NF *= u_NF
    d_u_NF *= gate_NF
    d_u_NF *= 1 - gate_NF
    d_u_NF += gate_NF
    d_u_NF *= d_y_NF
    return d_u_NF


def attention_backward(saved: BlockSaved, d_mixed_ND: np.ndarray, rows: int, n_head: int) -> np.ndarray:
    """mixed = P value, so d_value = P^T d_mixed and d_P = d_mixed value^T.

    P = softmax(scores): dP_s/dscore_r = P_s ([r = s] - P_r), so d_scores = P (d_P - sum_s d_P_s P_s); and that sum is
    d_mixed . mixed, over C channels instead of S tokens.  A masked P is 0, and so is its d_scores.
    scores = query key^T, with query = q / sqrt(C): d_key = d_scores^T query and d_q = d_scores key / sqrt(C).
    """
    query_BHTC, key_BHTC, value_BHTC = split_qkv(saved.qkv_N3D, rows, n_head)
    d_qkv_N3D = np.empty_like(saved.qkv_N3D)
    d_query_BHTC, d_key_BHTC, d_value_BHTC = split_qkv(d_qkv_N3D, rows, n_head)
    shares_BHTS = saved.shares_BHTS
    d_mixed_BHTC = split_heads(d_mixed_ND, rows, n_head)
    product_BHTC = split_heads(d_mixed_ND * saved.mixed_ND, rows, n_head)

    np.matmul(shares_BHTS.swapaxes(2, 3), d_mixed_BHTC, out=d_value_BHTC)
    d_scores_BHTS = d_mixed_BHTC @ value_BHTC.swapaxes(2, 3)
    d_scores_BHTS -= product_BHTC.sum(axis=-1, keepdims=True)
    d_scores_BHTS *= shares_BHTS
    np.matmul(d_scores_BHTS.swapaxes(2, 3), query_BHTC, out=d_key_BHTC)
    np.matmul(d_scores_BHTS, key_BHTC, out=d_query_BHTC)
    d_query_BHTC *= 1 / math.sqrt(query_BHTC.shape[-1])
    return d_qkv_N3D


def block_backward(config, weights: dict, gradients: dict, layer: int, saved: BlockSaved, d_x_ND: np.ndarray,
                   rows: int) -> np.ndarray:
    """x + f(x): the gradient goes through f and also straight past it, so d_x = d_y + f_backward(d_y), twice."""
    h = f"h.{layer}."
    d_activated_NF = linear_backward(weights, gradients, h + "mlp.c_proj", saved.activated_NF, d_x_ND)
    d_inner_NF = gelu_backward(saved.inner_NF, saved.gate_NF, d_activated_NF)
    d_mlp_in_ND = linear_backward(weights, gradients, h + "mlp.c_fc", saved.mlp_in_ND, d_inner_NF)
    d_x_ND += layer_norm_backward(weights, gradients, h + "ln_2", saved.norm_2, d_mlp_in_ND)

    d_mixed_ND = linear_backward(weights, gradients, h + "attn.c_proj", saved.mixed_ND, d_x_ND)
    d_qkv_N3D = attention_backward(saved, d_mixed_ND, rows, config.n_head)
    d_attention_in_ND = linear_backward(weights, gradients, h + "attn.c_attn", saved.attention_in_ND, d_qkv_N3D)
    d_x_ND += layer_norm_backward(weights, gradients, h + "ln_1", saved.norm_1, d_attention_in_ND)
    return d_x_ND
