"""AdamW, the learning rate's schedule, gradient clipping, and the weights a training run starts from.

Invariant: the update of step s is a function of weights, gradients and Moments alone, so a saved run can go on.
Weight decay pulls on the matrices inside the blocks only: on a bias or a gain it would fight the normalisation, and
on an embedding it would shrink rare tokens, which hardly ever receive a gradient to hold against it.
There are no parameter groups, and no other optimiser.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..shapes import weight_shapes

GPT2_DEVIATION = 0.02                    # of GPT-2's initial weights, at its width:
GPT2_WIDTH = 768


@dataclass(eq=False)
class Moments:
    """AdamW's memory: running means of each gradient and of its square, after `step` updates."""

    step: int
    first: dict[str, np.ndarray]
    second: dict[str, np.ndarray]


def zero_moments(weights: dict[str, np.ndarray]) -> Moments:
    """The moments before the first step."""
    first = {name: np.zeros_like(weight) for name, weight in weights.items()}
    second = {name: np.zeros_like(weight) for name, weight in weights.items()}
    return Moments(0, first, second)


def adamw_update(weights: dict, gradients: dict, moments: Moments, rate: float, betas: tuple[float, float],
                 weight_decay: float, epsilon: float = 1e-8) -> None:
    """One step, in place:  m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,

    w = w (1 - rate * decay) - rate * m' / (sqrt(v') + epsilon), where m' = m / (1 - b1^step) and v' = v / (1 - b2^step)
    undo the pull of the zeros that m and v began with.  Decay is decoupled: it never passes through m and v.
    """
    moments.step += 1
    beta_1, beta_2 = betas
    first_correction = 1 - beta_1 ** moments.step
    second_correction = math.sqrt(1 - beta_2 ** moments.step)
    for name, weight in weights.items():
        gradient = gradients[name]
        first = moments.first[name]
        second = moments.second[name]
        first *= beta_1
        first += (1 - beta_1) * gradient
        second *= beta_2
        second += (1 - beta_2) * (gradient * gradient)
        denominator = np.sqrt(second)
        denominator /= second_correction
        denominator += epsilon
        change = first / denominator
        change *= rate / first_correction
        if name.startswith("h.") and weight.ndim == 2:   # not biases and gains, not wte and wpe
            weight *= 1 - rate * weight_decay
        weight -= change


def clip_gradients(gradients: dict[str, np.ndarray], limit: float) -> float:
    """Scale all gradients together, in place, so that their common norm is at most limit.  Returns the norm before."""
    total = 0.0
    for gradient in gradients.values():
        flat = gradient.reshape(-1)
        total += float(flat @ flat)
    norm = math.sqrt(total)
    if norm > limit:
        for gradient in gradients.values():
            gradient *= limit / norm
    return norm


def learning_rate(step: int, steps: int, peak: float, warmup: int, floor: float) -> float:
    """The rate of update `step` (0 to steps - 1): up a line for `warmup` steps, then down half a cosine to floor.

    Step warmup - 1 has the peak and the last step the floor.  Step 0 has peak / warmup: a rate of 0 would waste it.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup + 1) / (steps - warmup)
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def initial_weights(config, seed: int) -> dict[str, np.ndarray]:
    """GPT-2's beginning, in float32: matrices normal, gains 1, biases 0.

    GPT-2's deviation of 0.02 is meant for its width of 768; here it grows as 1 / sqrt(width), so that a product with
    a row of a narrow model is as large as it is there.  (With 0.02 a model 48 wide needs some 100 steps more.)
    Every block adds twice to the residual stream.  The matrices that write there are scaled by 1 / sqrt(2 * n_layer),
    so that the stream's variance does not grow with the depth.
    """
    generator = np.random.default_rng(seed)
    deviation = GPT2_DEVIATION * math.sqrt(GPT2_WIDTH / config.n_embd)
    residual_scale = 1 / math.sqrt(2 * config.n_layer)
    weights = {}
    for name, shape in weight_shapes(config):
        if len(shape) == 2:
            weight = generator.standard_normal(shape, dtype=np.float32)
            weight *= deviation
            if name.endswith("c_proj.weight"):
                weight *= residual_scale
        elif name.endswith(".weight"):
            weight = np.ones(shape, dtype=np.float32)
        else:
            weight = np.zeros(shape, dtype=np.float32)
        weights[name] = weight
    return weights
