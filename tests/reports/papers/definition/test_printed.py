import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.papers.definition.printed import Printed

NUMBERS = st.decimals(-999, 999, places=2)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("57.42", (57.42, None, None)),
        ("93.80±0.40", (93.8, 0.4, None)),
        ("93.80 ± 0.40 (93.76)", (93.8, 0.4, 93.76)),
        ("93.80 (93.76)", (93.8, None, 93.76)),
        ("(93.76)", (None, None, 93.76)),
        ("-1.5", (-1.5, None, None)),
        ("-", (None, None, None)),
    ],
)
def test_numbers_of_what_is_printed(text, expected):
    printed = Printed.parse(text)
    assert (printed.mean, printed.sd, printed.best) == expected
    assert printed.text == text


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "±0.1", "93 ± ", "93.8±.4", "1,000", "()"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="is not like"):
        Printed.parse(text)


@given(NUMBERS, NUMBERS.filter(lambda n: n >= 0), NUMBERS)
def test_what_is_written_is_read(mean, sd, best):
    printed = Printed.parse(f"{mean}±{sd} ({best})")
    assert (printed.mean, printed.sd, printed.best) == tuple(map(float, (mean, sd, best)))
    assert printed.decimals == 2
    assert printed.number == float(mean)


def test_the_best_is_the_number_where_nothing_else_is_printed():
    assert Printed.parse("(93.7)").number == 93.7
    assert Printed.parse("(93.7)").decimals == 1
    assert Printed.parse("-").number is None


@pytest.mark.parametrize(
    "text, decimals",
    [("93.8 (93.76)", 1), ("93.76±0.4", 2), ("-1.5", 1), ("( 93.765 )", 3), ("9", 0)],
)
def test_decimals_are_those_of_the_first_number(text, decimals):
    assert Printed.parse(text).decimals == decimals
