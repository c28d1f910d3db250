"""``nas-harness``, and ``python -m harness``: the command line, of the harness's own packages."""

import sys

from harness.own_packages import settle


def main() -> int:
    settle()
    from harness.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
