"""The KV cache: the keys and values of every token the model has read, as plain arrays you can look at.

Invariant: positions 0 … length - 1 hold K and V of tokens[:length].  What lies after `length` is stale, left over from
a rollback, or free, never written; no token attends to it.  It is the only object in the core that changes; it knows
no tokens and no model, does not grow beyond the context, and throws no data away: rolling back only moves `length`.
"""

import copy

import numpy as np

from .arguments import check_count, check_kind
from .config import Config


class KVCache:
    """Keys and values as float32 arrays [layer, head, position, channel], allocated once for the whole context."""

    def __init__(self, config: Config):
        check_kind("config", config, Config)
        shape_LHPC = (config.n_layer, config.n_head, config.n_positions, config.head_size)
        shape_LHCP = (config.n_layer, config.n_head, config.head_size, config.n_positions)
        # zeros, not empty: stale cells are multiplied by an attention weight of exactly 0, and 0 * nan would be nan
        self.values_LHPC = np.zeros(shape_LHPC, dtype=np.float32)
        # in memory the positions of a channel are neighbours: query times keys runs along them, in half the time
        self.stored_keys_LHCP = np.zeros(shape_LHCP, dtype=np.float32)
        self.keys_LHPC = self.stored_keys_LHCP.swapaxes(2, 3)       # the same memory, laid out to the eye as the values
        self.config = config
        self.capacity = config.n_positions       # the context limit
        self.length = 0          # positions that hold committed or just-read tokens
        self.written = 0         # the furthest position ever written, for the strip only

    def __copy__(self) -> "KVCache":
        """A cache of its own: two that shared arrays but not `length` would write over each other."""
        return copy.deepcopy(self)

    def __setstate__(self, state: dict) -> None:
        """A copy, or one from a pickle: its two views of the keys must share their memory again."""
        vars(self).update(state)
        self.keys_LHPC = self.stored_keys_LHCP.swapaxes(2, 3)

    def append(self, layer: int, keys_HTC: np.ndarray, values_HTC: np.ndarray) -> None:
        """Write the T newest positions of one layer after `length`, which stays until `advance` moves it."""
        start = self.length
        end = start + keys_HTC.shape[1]
        if end > self.capacity:
            raise ValueError(f"keys_HTC ends at position {end}; the cache holds at most {self.capacity} positions")
        self.keys_LHPC[layer, :, start:end] = keys_HTC
        self.values_LHPC[layer, :, start:end] = values_HTC

    def advance(self, count: int) -> None:
        """Take the `count` positions that every layer has just written into the cache: once a forward pass."""
        self.length += count
        self.written = max(self.written, self.length)

    def truncate(self, length: int) -> None:
        """Roll back to `length` positions.  Never lengthens: a cache that is already shorter stays as it is.

        Raises TypeError or ValueError for what is no length.
        """
        if type(length) is not int or length < 0:
            check_count("length", length)
        # subtle: to a length, not by a count; "the last n" with n = 0 is the [:-0] trap, which empties the cache
        self.length = min(self.length, length)

    def strip(self) -> str:
        """One character a position: ■ cached, ░ stale (read once, then rolled back), _ free."""
        cached = "■" * self.length
        stale = "░" * (self.written - self.length)
        free = "_" * (self.capacity - self.written)
        return cached + stale + free

    def __repr__(self) -> str:
        layers, heads, capacity, channels = self.keys_LHPC.shape
        stale = self.written - self.length
        shape = f"{layers} layers x {heads} heads x {capacity} positions x {channels} channels"
        return f"KVCache({shape}: {self.length} cached, {stale} stale)\n{self.strip().rstrip('_')}_"
