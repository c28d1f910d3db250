"""Lazy registries with suggestions and entry points."""

from importlib.metadata import EntryPoint

import pytest

from searchspaces import registry
from searchspaces.errors import UsageError
from searchspaces.registry import Registry, nearest


@pytest.fixture
def numbers(monkeypatch):
    point = EntryPoint("tau", "math:tau", "test.numbers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] * (group == point.group))
    return Registry("number", "test.numbers", {"pi": "math:pi", "broken": "no_such_module:x"})


def test_targets_are_imported_on_first_use(numbers):
    import math

    assert numbers["pi"] == math.pi
    assert numbers["tau"] == math.tau  # a third party's
    assert list(numbers) == ["broken", "pi", "tau"]  # listing imports nothing
    assert "tau" in numbers
    assert "e" not in numbers


def test_unknown_names_suggest_the_nearest(numbers):
    with pytest.raises(UsageError, match="unknown number 'taw'; did you mean 'tau'"):
        numbers["taw"]
    with pytest.raises(UsageError, match="known: broken, pi, tau"):
        numbers["zzzz"]


def test_third_parties_cannot_replace_what_is_built_in(monkeypatch):
    point = EntryPoint("pi", "math:e", "test.numbers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    import math

    assert Registry("number", "test.numbers", {"pi": "math:pi"})["pi"] == math.pi


def test_nearest_ignores_case():
    assert nearest("SPOS", ["spos", "mngnas"]) == "; did you mean 'spos'?"
