"""Ways to look at a trace: functions of recorded data, never part of the decoding."""

from .source_text import source

__all__ = ["source"]
