"""The names and shapes of a GPT-2's weights, as its checkpoints write them, and the checks on what is given as such.

Invariant: weights that pass are complete, none over, float32 and finite.
"""

import numpy as np

# the parts of a layer, in the order of the fields of `model.Block`; each has a weight and a bias
BLOCK_PARTS = ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")


def weight_shapes(config):
    """Yield the name and shape of each weight a GPT-2 has: no prefix, matrices as (in, out)."""
    D, F = config.n_embd, config.inner_size
    yield "wte.weight", (config.vocab_size, D)
    yield "wpe.weight", (config.n_positions, D)
    shapes = ((D,), (D, 3 * D), (D, D), (D,), (D, F), (F, D))
    for layer in range(config.n_layer):
        for part, shape in zip(BLOCK_PARTS, shapes):
            yield f"h.{layer}.{part}.weight", shape
            yield f"h.{layer}.{part}.bias", shape[-1:]
    yield "ln_f.weight", (D,)
    yield "ln_f.bias", (D,)


def check_names(source, config, shapes):
    """Raise ValueError unless `shapes`, by name, are those of a GPT-2 of this config: none missing, none over."""
    unknown = dict(shapes)
    # subtle: stops at the first absent layer, so a config.json that says a billion layers costs nothing.
    for name, shape in weight_shapes(config):
        if name not in unknown:
            raise ValueError(f"{source}: {name} is missing; config.json says n_layer is {config.n_layer}")
        if unknown.pop(name) != shape:
            raise ValueError(f"{source}: {name} has shape {shapes[name]}; by config.json it must be {shape}")
    if unknown:
        raise ValueError(f"{source}: {min(unknown)!r:.100} is unexpected; config.json says n_layer is {config.n_layer}")


def check_numbers(source, weights):
    """Raise ValueError if a weight is not float32, NaN or infinite."""
    for name, array in weights.items():
        if array.dtype != np.float32:
            raise ValueError(f"{source}: {name} is {array.dtype}; all weights must be float32")
        if not np.isfinite(array).all():
            raise ValueError(f"{source}: {name} has NaN or infinite numbers; all weights must be finite")
