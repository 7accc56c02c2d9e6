"""The command line's own commands: their options, and what they print."""
