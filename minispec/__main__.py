"""`python -m minispec`: the command line.  What must be set before NumPy is imported is in starting.py."""

import signal
import sys

import numpy as np

from .command import main
from .starting import end_at_once


def start() -> int:
    """The command's exit status; 130 where Ctrl-C came."""
    early = signal.getsignal(signal.SIGINT) is end_at_once
    np.seterr(over="ignore", invalid="ignore")             # what is not finite is refused by name, in one sentence
    try:
        if early:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return 130
    finally:
        if early:
            signal.signal(signal.SIGINT, end_at_once)      # while Python shuts down


sys.exit(start())
