"""What somebody at a terminal asks for: single keys where the terminal gives them, else lines that end with Enter.

Invariant: the terminal is left as it was found, however the session ends.
"""

import os
import re
from collections.abc import Iterator
from typing import TextIO

try:
    import termios
    import tty
except ImportError:                      # as on Windows
    termios = None

KEYS = {"\x1b[C": "", "\x1b[D": "b", "\x1b[B": "r", "\x1b[A": "R",         # right, left, down, up
        " ": "", "\r": "", "\n": "", "\x1b[6~": "", "\x1b[5~": "b", "\x7f": "b", "\b": "b", "\x1b[H": "1",
        "\x1b[F": "last", "\x04": "q", "Q": "q", "?": "h"}


def commands(stdin: TextIO | None, stdout: TextIO) -> Iterator[str]:
    """What is asked for, one command after the other, until the input ends; "" is to go on.  At first the keys, "h"."""
    if stdin is not None and termios is not None and stdin.isatty() and stdout.isatty():
        yield from single_keys(stdin.fileno(), stdout)
        return
    yield "h"
    while line := stdin.readline() if stdin is not None else "":         # None: closed, as by <&-
        yield command_of(line.strip())


def command_of(key: str) -> str:
    """The command that a key stands for; a terminal may call an arrow by either of two names."""
    return KEYS.get(key.replace("\x1bO", "\x1b["), key)


def single_keys(terminal: int, stdout: TextIO) -> Iterator[str]:
    """A command for each key; digits are collected until Enter.  terminal: its file descriptor."""
    before = termios.tcgetattr(terminal)
    number = ""
    try:
        tty.setcbreak(terminal)
        yield "h"
        while read := os.read(terminal, 256):
            for key in re.findall(r"(?s)\x1b[\[O][0-9;]*[A-Za-z~]|.", read.decode("utf-8", "replace")):
                if key.isdecimal():
                    number += key
                    stdout.write(key)
                    stdout.flush()
                else:
                    yield number if number and key in "\r\n" else command_of(key)
                    number = ""
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
