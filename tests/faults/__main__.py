"""`make crash-points`: every point of every story, to every broker; with a number N, every N-th of them.

A file of its own: the processes that are forked would load what the main module holds once more.
"""

import sys

from tests.faults.crash_points import main

if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
