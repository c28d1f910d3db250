"""Names and numbers as HTML: where they break."""

import re

import pytest

from reports.text.escaping import named, unbroken


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("options.base_lr 0.05", ["options.", "base_", "lr 0.05"]),
        ("./my_method.py:MyMethod", ["./", "my_", "method.", "py:", "My", "Method"]),
        ("nb201-digits-spos-s0", ["nb201-", "digits-", "spos-", "s0"]),
        ("<b>_&c", ["&lt;b&gt;_&amp;c"]),
        ("spos", ["spos"]),
    ],
)
def test_names_break_between_their_words_alone(name, words):
    assert re.split("<wbr>", named(name)) == words


def test_intervals_and_millions_stay_on_one_line_and_the_rest_is_escaped():
    text = unbroken("+0.030 [−0.010, +0.070], <not> shown, 0.51 M + 4.06 M")
    kept = re.findall('<span class="ends">(.*?)</span>', text)
    assert kept == ["[−0.010, +0.070]", "0.51 M", "4.06 M"]
    assert re.sub("</?span.*?>", "", text) == (
        "+0.030 [−0.010, +0.070], &lt;not&gt; shown, 0.51 M + 4.06 M"
    )
