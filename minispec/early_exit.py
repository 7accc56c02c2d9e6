"""A draft inside the target: its first layers and its head, no second set of weights (early exit).

Invariant: the arrays are the target's own; nothing is copied and nothing is trained, so how well it guesses depends on
how early the target has made up its mind.
"""

import copy
from dataclasses import replace

from .arguments import check_count, check_kind
from .model import Transformer


def first_layers(target: Transformer, layers: int) -> Transformer:
    """The target cut after `layers` of its layers: final norm and head follow at once.

    Raises TypeError or ValueError unless `layers` is 1 to the number that the target has.
    """
    check_kind("target", target, Transformer)
    check_count("layers", layers, least=1)
    if layers > target.config.n_layer:
        raise ValueError(f"layers is {layers}; {target.name} has {target.config.n_layer}")
    draft = copy.copy(target)
    draft.config = replace(target.config, n_layer=int(layers))
    draft.blocks = target.blocks[:layers]
    draft.name = f"{target.name}, first {layers} of {target.config.n_layer} layers"
    return draft
