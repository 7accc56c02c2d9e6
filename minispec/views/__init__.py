"""Ways to look at a trace: functions of recorded data, never part of the decoding."""

from .html import show, to_html, write_html
from .source_text import source

__all__ = ["show", "source", "to_html", "write_html"]
