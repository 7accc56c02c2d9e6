"""GPT-2's forward pass in NumPy: `Transformer(config, weights)(tokens, cache) -> logits_TV`, float32 throughout.

Invariant: the logits of a token are the same bits whether it is fed alone or in a block, cached or not.  A matrix
product of one row and of several rows round differently, so every product here is taken row by row (`row_products`),
and attention always runs over the whole context, with a mask.  No dropout, no batch, no training.

Letters that end a name are its shape, outermost first:
    T tokens fed now     P positions of the context     V vocabulary     L layers
    D width of the model     H heads     C channels of a head     F width of the feed-forward block
    E = 3 * D, query, key and value side by side     1 an axis of one, so that a product takes one row at a time
"""

from dataclasses import dataclass

import numpy as np

from .arguments import check_kind, check_pass
from .cache import KVCache
from .config import Config
from .layers import gelu, layer_norm, output_products, row_products, softmax
from .shapes import BLOCK_PARTS, check_names, check_numbers


@dataclass(frozen=True, eq=False)
class Block:
    """The weights of one layer."""

    ln_1_gain_D: np.ndarray
    ln_1_bias_D: np.ndarray
    qkv_weight_DE: np.ndarray            # E = 3 * D: query, key and value in one product
    qkv_bias_E: np.ndarray
    project_weight_DD: np.ndarray
    project_bias_D: np.ndarray
    ln_2_gain_D: np.ndarray
    ln_2_bias_D: np.ndarray
    up_weight_DF: np.ndarray
    up_bias_F: np.ndarray
    down_weight_FD: np.ndarray
    down_bias_D: np.ndarray


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """What one layer computed, for those who ask: `model(tokens, cache, record=[])` fills the list."""

    attention_HTP: np.ndarray            # weights; every row sums to 1
    attended_TD: np.ndarray              # the residual stream after attention
    hidden_TD: np.ndarray                # and after the feed-forward block


class Transformer:
    """One GPT-2 model: its weights, and nothing that changes."""

    def __init__(self, config: Config, weights: dict[str, np.ndarray], name: str = "model",
                 vocabulary: str | None = None):
        """weights: float32, named as in a GPT-2 checkpoint without prefix.  name: for tables and messages.

        vocabulary: the tokenizer's fingerprint, by which two models are known to share their tokens.
        """
        check_kind("config", config, Config)
        check_kind("weights", weights, dict)
        for key, array in weights.items():
            check_kind(f"weights[{key!r}]", array, np.ndarray)
            if array.dtype != np.float32:
                raise TypeError(f"weights[{key!r}] is {array.dtype}; every weight must be float32")
        check_names("weights", config, {key: array.shape for key, array in weights.items()})
        check_numbers("weights", weights)
        self.config = config
        self.name = name
        self.vocabulary = vocabulary
        self.token_embeddings_VD = weights["wte.weight"]
        self.position_embeddings_PD = weights["wpe.weight"]
        self.blocks = []
        for layer in range(config.n_layer):
            arrays = [weights[f"h.{layer}.{part}.{kind}"] for part in BLOCK_PARTS for kind in ("weight", "bias")]
            self.blocks.append(Block(*arrays))
        self.final_gain_D = weights["ln_f.weight"]
        self.final_bias_D = weights["ln_f.bias"]
        # row t: 0 at positions 0 … t, -inf after them; added to the scores, it hides the future and stale cells.
        # every row is a window on the same 2 P - 1 numbers: the mask of a long context takes no memory
        line = np.zeros(2 * config.n_positions - 1, dtype=np.float32)
        line[config.n_positions:] = -np.inf
        self.mask_PP = np.lib.stride_tricks.sliding_window_view(line, config.n_positions)[::-1]

    def __repr__(self) -> str:
        config = self.config
        sizes = f"{config.n_layer} layers, width {config.n_embd}, {config.n_positions} positions"
        return f"Transformer({self.name}: {sizes})"

    def __call__(self, tokens: list[int], cache: KVCache | None = None, record: list | None = None) -> np.ndarray:
        """Read `tokens` after what the cache holds; return their logits and leave the cache T positions longer.

        tokens: T >= 1 token ids.  cache: as left by the tokens before them; None starts from nothing.  record: a list
        that gets one LayerRecord a layer.  Returns logits_TV, float32; row t scores the token that follows tokens[t].
        Raises TypeError or ValueError for what is no token id, or too many for the context.
        """
        if cache is None:
            cache = KVCache(self.config)
        check_pass(tokens, cache, self.config)
        start = cache.length
        end = start + len(tokens)
        hidden_TD = self.token_embeddings_VD[list(tokens)] + self.position_embeddings_PD[start:end]
        mask_TP = self.mask_PP[start:end]
        for layer in range(self.config.n_layer):
            hidden_TD = self.run_layer(layer, hidden_TD, mask_TP, cache, record)
        cache.advance(len(tokens))
        final_TD = layer_norm(hidden_TD, self.final_gain_D, self.final_bias_D, self.config.layer_norm_epsilon)
        logits_TV = output_products(final_TD, self.token_embeddings_VD)
        return logits_TV

    def run_layer(self, layer: int, hidden_TD: np.ndarray, mask_TP: np.ndarray, cache: KVCache, record: list | None):
        """One layer: hidden + attention(norm(hidden)), then + feed_forward(norm(…)).  Writes K and V to the cache."""
        block = self.blocks[layer]
        epsilon = self.config.layer_norm_epsilon
        normal_TD = layer_norm(hidden_TD, block.ln_1_gain_D, block.ln_1_bias_D, epsilon)
        heads_TD, attention_HTP = self.attend(layer, normal_TD, mask_TP, cache)
        attended_TD = hidden_TD + (row_products(heads_TD, block.project_weight_DD) + block.project_bias_D)
        normal_TD = layer_norm(attended_TD, block.ln_2_gain_D, block.ln_2_bias_D, epsilon)
        up_TF = row_products(normal_TD, block.up_weight_DF) + block.up_bias_F
        active_TF = gelu(up_TF)
        hidden_TD = attended_TD + (row_products(active_TF, block.down_weight_FD) + block.down_bias_D)
        if record is not None:
            record.append(LayerRecord(attention_HTP, attended_TD, hidden_TD))
        return hidden_TD

    def attend(self, layer: int, normal_TD: np.ndarray, mask_TP: np.ndarray, cache: KVCache):
        """Every head looks back over the whole context; returns heads_TD and attention_HTP, the weights."""
        block = self.blocks[layer]
        heads, channels = self.config.n_head, self.config.n_embd // self.config.n_head
        # one product makes all three: the E = 3 * D columns are query, key and value, and in each head lies beside head
        qkv_TE = row_products(normal_TD, block.qkv_weight_DE) + block.qkv_bias_E
        qkv_3HTC = qkv_TE.reshape(-1, 3, heads, channels).transpose(1, 2, 0, 3)
        query_HTC, keys_HTC, values_HTC = qkv_3HTC
        # the new keys are written before anyone looks: a token sees itself, and what stands before it in the block
        cache.append(layer, keys_HTC, values_HTC)
        # stacked as (H, T, 1, C) @ (H, 1, C, P): again one row at a time, and always over all P positions, so that a
        # row's sums have the same terms in the same order however long the text is
        keys_H1CP = cache.keys_LHPC[layer].transpose(0, 2, 1)[:, None]
        values_H1PC = cache.values_LHPC[layer][:, None]
        # divided by sqrt(C), or a head with more channels would have larger scores and a sharper softmax
        query_HT1C = query_HTC[:, :, None] / channels ** 0.5
        products_HT1P = query_HT1C @ keys_H1CP
        # -inf where the mask is: softmax makes of it a weight of exactly 0
        scores_HTP = products_HT1P[:, :, 0] + mask_TP
        attention_HTP = softmax(scores_HTP)
        heads_HT1C = attention_HTP[:, :, None] @ values_H1PC
        heads_HTC = heads_HT1C[:, :, 0]
        # head beside head again, as the columns of the next weight expect them
        heads_TD = heads_HTC.transpose(1, 0, 2).reshape(normal_TD.shape)
        return heads_TD, attention_HTP
