"""Measuring: what passes cost, whether the bits agree, what a speed-up is made of."""
