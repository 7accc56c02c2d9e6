"""Drafts by name: a second network, prompt lookup, or the target's own first layers and its head (early exit).

Invariant: an early exit has the target's own arrays; nothing is copied and nothing is trained, so how well it guesses
depends on how early the target has made up its mind.
"""

import copy
import re
from dataclasses import replace

from .arguments import check_count, check_kind
from .checkpoint import load
from .model import Transformer
from .scripted import Lookup, scripted


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


def load_draft(name: str, target: Transformer):
    """The draft that `name` says: "lookup", "first-6-layers", or what `load` takes.  Errors as `load`."""
    early = re.fullmatch(r"first-(\d{1,4})-layers?", str(name))
    if early:
        return first_layers(target, int(early.group(1)))
    if name == "lookup":
        return scripted(Lookup(), target.config.vocab_size, target.config.n_positions, name)
    return load(name)[0]
