"""What the commands load before they are asked for more than help."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", ["compare", "draw", "page", "report", "reproduce"])
def test_help_imports_nothing_that_draws(command):
    code = (
        "import sys\n"
        f"from reports.commands.{command} import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'seaborn', 'matplotlib', 'pandas', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
