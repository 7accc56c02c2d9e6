"""Ways to look at a trace: functions of recorded data, never part of the decoding."""
