"""Whether another process of this machine is still there, for those who find what it has left behind."""

import os


def is_alive(process: int) -> bool:
    """Whether there is a process of that number; where one cannot ask without harm, the answer is yes."""
    if os.name != "posix":
        return True                      # on Windows os.kill would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True                      # somebody else's
    return True
