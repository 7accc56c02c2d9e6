"""What the operating system holds against a submission: limits on the process, and on Linux the files it may read.

Invariant: called in the child before any line of the submission; nothing here can be taken back by the child.
Returns what a system lacks, in words, for the report.
"""

import os
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same on every architecture
EXECUTE, READ_FILE, READ_FOLDER = 1, 4, 8
FILE_RIGHTS = (13, 14, 15, 15, 16)                       # how many rights each version of Landlock knows, from 1
NETWORK, SCOPES = 3, 3                                   # TCP, from version 4; signals and sockets, from version 6
NO_NEW_PRIVILEGES = 38


def set_limits(limits: dict[str, int]) -> list[str]:
    """Limit memory, processor time, processes and file sizes; returns what could not be limited."""
    try:
        import resource
    except ImportError:
        return ["limits on memory, processor time and processes (no module resource)"]
    lacks = []
    for name, limit in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), (limit, limit))
        except (ValueError, OSError, AttributeError):
            lacks.append(f"the limit {name}")
    return lacks


def fence(readable: list[str], listable: list[str]) -> list[str]:
    """On Linux from 5.13 on: this process reads these files and folders, writes none, and has no network."""
    try:
        import ctypes
        libc = ctypes.CDLL(None)
        call = libc.syscall
    except (ImportError, OSError, AttributeError, TypeError):
        return ["a fence around the files (no Landlock)"]
    version = call(CREATE_RULESET, None, 0, 1) if sys.platform == "linux" else 0
    if version < 1:
        return ["a fence around the files (no Landlock)"]
    rights = (1 << FILE_RIGHTS[min(version, 5) - 1]) - 1
    attributes = [rights, NETWORK if version >= 4 else 0, SCOPES if version >= 6 else 0]
    ruleset = call(CREATE_RULESET, (ctypes.c_uint64 * 3)(*attributes), 8 * (1 + (version >= 4) + (version >= 6)), 0)
    rules = [(path, READ_FILE | EXECUTE | READ_FOLDER if os.path.isdir(path) else READ_FILE) for path in readable]
    for path, allowed in rules + [(path, READ_FOLDER) for path in listable]:
        if os.path.exists(path):
            opened = os.open(path, os.O_PATH)
            rule = allowed.to_bytes(8, sys.byteorder) + opened.to_bytes(4, sys.byteorder)
            call(ADD_RULE, ruleset, 1, rule, 0)
            os.close(opened)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    failed = ruleset < 0 or call(RESTRICT_SELF, ruleset, 0) != 0
    if ruleset >= 0:
        os.close(ruleset)
    return ["a fence around the files (Landlock refused)"] if failed else []
