"""`python -m tests.support.baseline_server MODULE:APPLICATION ...`: a baseline on the server of the receiver, with its
command line.
"""

import sys

from receiver.__main__ import command_line, serve

if __name__ == "__main__":
    application = sys.argv.pop(1)
    given = command_line()
    serve(application, given.host, given.port, given.workers)
