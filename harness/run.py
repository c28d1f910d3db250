"""``python -m harness.run --method mngnas --space nb201``: the same as ``nas-harness run``."""

import sys

from harness.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
