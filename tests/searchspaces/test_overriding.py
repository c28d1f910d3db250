"""A plain function in the place of a class method or of a property is told of by name."""

import pytest

from methods.base import Method
from methods.registry import METHODS
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.overriding import MARKS, misnamed

MARKED = [
    (base, name, MARKS[type(found)])
    for base in (Method, SearchSpace)
    for name, found in vars(base).items()
    if type(found) in MARKS and name != "__init_subclass__"
]


def define(base, name, function):
    """A subclass of a subclass of ``base``."""
    between = type("Between", (base,), {})
    return type("Mine", (between,), {name: function})


def function(cls, *given):
    return given


@pytest.mark.parametrize(("base", "name", "mark"), MARKED)
def test_a_mark_that_is_forgotten_is_named(base, name, mark):
    told = f"^{name} of Mine has no {mark} before it, as that of {base.__name__} has; write it"
    with pytest.raises(UsageError, match=told):
        define(base, name, function)
    for marked in (classmethod(function), property(function), staticmethod(function), 3):
        assert define(base, name, marked)


def test_all_that_is_called_on_the_class_is_among_them():
    named = {name for _, name, _ in MARKED}
    assert {"paths_per_step", "compute_per_step", "training_identity", "parts"} <= named
    assert {"search_epochs", "size"} <= named


def test_other_functions_are_overridden_as_they_are():
    assert define(Method, "score", function).score is function


@pytest.mark.parametrize(
    ("base", "name", "meant"),
    [
        (Method, "sample_path", "sample_paths"),
        (Method, "trainstep", "train_step"),
        (Method, "serch_epoch", "search_epoch"),
        (SearchSpace, "cannonical", "canonical"),
    ],
)
def test_a_name_that_is_nearly_a_bases_is_told_of(base, name, meant):
    assert list(misnamed(define(base, name, function))) == [(name, meant)]
    assert list(misnamed(define(base, meant, function))) == []


def test_names_of_ones_own_are_left_alone():
    for name in ("scored", "_update", "score_all", "path_share"):
        assert list(misnamed(define(Method, name, function))) == []
    for kind in (kind for name in METHODS for kind in METHODS[name].__mro__[:-1]):
        assert list(misnamed(kind)) == []
