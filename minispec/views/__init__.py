"""Ways to look at a trace: functions of recorded data, never part of the decoding."""

from .answer import fold_answer
from .source_text import source
from .stage.page import pair_html, show, show_pair, to_html, write_html
from .stage.steps import steps

__all__ = ["fold_answer", "pair_html", "show", "show_pair", "source", "steps", "to_html", "write_html"]
