"""``python -m harness.run --method mngnas --space nb201``: the same as ``nas-harness run``."""

import sys

from harness.own_packages import settle

if __name__ == "__main__":
    settle()
    from harness.cli import main

    sys.exit(main(["run", *sys.argv[1:]]))
