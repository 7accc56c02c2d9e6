"""`python -m minispec`: the command line, with one BLAS thread unless the user has chosen a number.

In products this small, threads only wait for each other, and on a busy machine the timings jump.  NumPy reads the
setting when it is imported, which importing the package has done: so the command starts itself once more.
"""

import os
import subprocess
import sys

from .command import main
from .lab.bench import THREADS


def start_again() -> int:
    """The same command line with the setting; where the system can, in place of this process."""
    environment = {**os.environ, **THREADS}
    arguments = [sys.executable, *sys.orig_argv[1:]]
    if os.name == "posix":
        os.execve(sys.executable, arguments, environment)
    return subprocess.run(arguments, env=environment).returncode


if THREADS.keys().isdisjoint(os.environ):
    sys.exit(start_again())
sys.exit(main(sys.argv[1:]))
