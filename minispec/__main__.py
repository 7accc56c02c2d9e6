"""`python -m minispec`: the command line."""

import sys

from .command import main

sys.exit(main(sys.argv[1:]))
