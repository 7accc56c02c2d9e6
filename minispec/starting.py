"""What `python -m minispec` needs before NumPy is imported: one BLAS thread, and a Ctrl-C that ends it quietly.

Invariant: nothing happens when the package is imported by other code, as in a notebook.
In products this small, threads only wait for each other; NumPy reads their number once, when it is imported.
"""

import _signal as signal                 # what `signal` wraps: importing that takes time, in which Ctrl-C may come
import os
import sys

THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1",
           "BLIS_NUM_THREADS": "1"}


def prepare_command() -> None:
    """Called by the package's first line.  While Python looks for the module of -m, argv[0] is "-m"."""
    if sys.argv[:1] != ["-m"]:
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:    # not where it is ignored, as under nohup
        signal.signal(signal.SIGINT, end_at_once)
    if THREADS.keys().isdisjoint(os.environ):
        os.environ.update(THREADS)


def end_at_once(number, frame) -> None:
    """Ctrl-C before the command has begun, or after it has ended: nothing is left to be tidied up."""
    os._exit(130)
