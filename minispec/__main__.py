"""`python -m minispec`: the command line, with one BLAS thread unless the user has chosen a number.

In products this small, threads only wait for each other, and on a busy machine the timings jump.  NumPy reads the
setting when it is imported, which importing the package has done: so the command starts itself once more.
"""

import os
import subprocess
import sys


def start() -> int:
    """The command's exit status; 130 where Ctrl-C came, even before the command was imported."""
    try:
        from .command import main        # here, where Ctrl-C can be caught: importing takes most of a short command
        from .lab.bench import THREADS
        if THREADS.keys().isdisjoint(os.environ):
            return start_again(THREADS)
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


def start_again(threads: dict[str, str]) -> int:
    """The same command line with the setting; where the system can, in place of this process."""
    environment = {**os.environ, **threads}
    arguments = [sys.executable, *sys.orig_argv[1:]]
    if os.name == "posix":
        os.execve(sys.executable, arguments, environment)
    return subprocess.run(arguments, env=environment).returncode


sys.exit(start())
