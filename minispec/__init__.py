"""minispec: speculative decoding with nothing hidden.

`load` a model, decode with `greedy`, then with `speculative`, and compare: the tokens and the logits are the same
bits.  Read the core in this order: speculation, trace, decoding, cache, model, layers, config, rates.
"""

from . import starting

starting.prepare_command()               # before anything imports NumPy

from .cache import KVCache
from .checkpoint import list_models, load
from .config import Config
from .decoding import greedy, greedy_baseline
from .model import Transformer
from .speculation import count_accepted, propose, propose_literal, speculative, speculative_round, verify
from .tokenizer import Tokenizer
from .trace import Round, Trace
from .trace_file import load_trace, save_trace

__version__ = "0.1.0"
