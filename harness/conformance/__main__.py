"""``python -m harness.conformance``: the same as ``nas-harness conformance``."""

import sys

from harness.own_packages import settle

if __name__ == "__main__":
    settle()
    from harness.conformance.command import main
    from harness.files.endings import status_of

    sys.exit(status_of(lambda: main(sys.argv[1:])))
