"""The shape of a GPT-2, under the names its config.json uses.

Invariant: a Config that exists describes a network this package can run; anything else was refused when it was
made.  It holds no weights and no training settings.
"""

from dataclasses import dataclass

from .arguments import short_repr


@dataclass(frozen=True)
class Config:
    """Sizes of one model.  Raises TypeError or ValueError, naming the field, for a size that cannot be."""

    n_layer: int
    n_head: int
    n_embd: int                          # D, the width of the residual stream
    n_positions: int                     # the context limit, in tokens
    vocab_size: int
    n_inner: int | None = None           # F, the width inside the feed-forward block; None means 4 * n_embd
    layer_norm_epsilon: float = 1e-5
    eos_token_id: int | tuple[int, ...] | None = None      # the end-of-text token, or several; None: there is none

    def __post_init__(self):
        for name in ("n_layer", "n_head", "n_embd", "n_positions", "vocab_size", "n_inner"):
            size = getattr(self, name)
            if name == "n_inner" and size is None:
                continue
            if isinstance(size, bool) or not isinstance(size, int):
                raise TypeError(f"{name} is {short_repr(size)}; it must be a whole number of at least 1")
            if size < 1:
                raise ValueError(f"{name} is {size}; it must be at least 1")
        if self.n_embd % self.n_head != 0:
            raise ValueError(f"n_embd is {self.n_embd}; it must be a multiple of n_head, which is {self.n_head}")
        eos = self.eos_token_id
        for token in eos if type(eos) is tuple else () if eos is None else (eos,):
            allowed = f"it must be a token, 0 to {self.vocab_size - 1}, a tuple of them, or None"
            if type(token) is not int:
                raise TypeError(f"eos_token_id is {short_repr(eos)}; {allowed}")
            if not 0 <= token < self.vocab_size:
                raise ValueError(f"eos_token_id is {short_repr(eos)}; {allowed}")
        epsilon = self.layer_norm_epsilon
        # subtle: no NumPy scalar; a float64 one would turn all of the float32 arithmetic into float64
        if type(epsilon) is not float:
            raise TypeError(f"layer_norm_epsilon is {short_repr(epsilon)}; it must be a float between 0 and 1")
        if not 0 < epsilon < 1:
            raise ValueError(f"layer_norm_epsilon is {epsilon}; it must be between 0 and 1")

    @property
    def head_size(self) -> int:
        """C, the channels of one attention head."""
        return self.n_embd // self.n_head

    @property
    def inner_size(self) -> int:
        """F, the width inside the feed-forward block."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner
