"""Names as HTML."""

import re

import pytest

from reports.text.escaping import named


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("./my_method.py:MyMethod", ["./", "my_", "method.", "py:", "My", "Method"]),
        ("nb201-digits-spos-s0", ["nb201-", "digits-", "spos-", "s0"]),
        ("<b>_&c", ["&lt;b&gt;_&amp;c"]),
        ("spos", ["spos"]),
    ],
)
def test_names_break_between_their_words_alone(name, words):
    assert re.split("<wbr>", named(name)) == words
