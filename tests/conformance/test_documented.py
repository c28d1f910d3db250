"""The examples of the documents are plug-ins that keep their promises, by file."""

import re
import sys
from pathlib import Path

import pytest

from harness.conformance.command import main

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "names"),
    [
        ("adding-a-method.md", ["--method", "my_method.py:MyMethod", "--space", "macro"]),
        ("adding-a-space.md", ["--space", "my_space.py:MySpace", "--method", "spos"]),
    ],
)
def test_the_first_example_conforms(document, names, tmp_path, monkeypatch, capsys):
    text = (DOCS / document).read_text(encoding="utf-8")
    code, file = re.search(r"```python\n(# (my_\w+\.py)\n.*?)```", text, re.DOTALL).groups()
    (tmp_path / file).write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, Path(file).stem, raising=False)
    assert f"{names[0]} ./{names[1]}" in text  # as the document calls it
    try:
        assert main([f"./{name}" if ".py:" in name else name for name in names]) == 0
    finally:
        sys.modules.pop(Path(file).stem, None)
    assert capsys.readouterr().err.endswith("no promises broken.\n")
