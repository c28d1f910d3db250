"""``python -m harness.conformance``: see :mod:`harness.conformance.command`."""

import sys

from harness.own_packages import settle

if __name__ == "__main__":
    settle()
    from harness.conformance.command import main

    sys.exit(main())
