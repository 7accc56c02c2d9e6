"""Ways to look at a trace: functions of recorded data, never part of the decoding."""

from .answer import fold_answer
from .html import show, to_html, write_html
from .two_runs_html import pair_fragment, pair_html, show_pair, write_pair
from .source_text import source

__all__ = ["fold_answer", "pair_fragment", "pair_html", "show", "show_pair", "source", "to_html",
           "write_html", "write_pair"]
