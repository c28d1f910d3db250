"""Options are read before methods are: to print help, nobody waits for PyTorch."""

import subprocess
import sys
from dataclasses import dataclass, fields, make_dataclass

import pytest
import torch
from params import slow_but

from methods.lazy import LazyModule
from methods.options import option
from methods.registry import METHODS, SCORERS, options_class
from methods.scorers.scorer import Scorer
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

BUILTIN = (
    *("cream", "darts", "dna", "ennas", "fairnas", "few-shot", "gdas", "mixpath", "mngnas"),
    *("sandwich", "spos"),
    "rlnas",
    "greedynas",
    "mct-nas",
    "enas",
    "sumnas",
    "pa-da",
    *("rsps",),  # by path, controller or tree
    *(
        "snas",
        "darts-",
        "fairdarts",
        "pc-darts",
        "p-darts",
        "proxylessnas",
        "fbnet",
        "setn",
        "nsas",
        "bossnas",
    ),
)


@pytest.mark.parametrize("name", slow_but(["spos", "mngnas", "synflow"], [*BUILTIN, *SCORERS]))
def test_options_are_those_of_the_method_and_need_no_torch(name):
    code = (
        "import sys\n"
        "from methods.registry import options_class\n"
        f"print(options_class({name!r}).__qualname__, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [METHODS[name].Options.__qualname__, "False"]
    assert options_class(name) is METHODS[name].Options
    assert all(item.metadata["help"] for item in fields(options_class(name)))


def test_all_methods_are_looked_at():
    assert set(BUILTIN) == set(METHODS)


def test_a_lazy_module_has_the_attributes_of_the_module_as_they_are_now(monkeypatch):
    lazy = LazyModule("torch")
    assert lazy.zeros is torch.zeros
    monkeypatch.setattr(torch, "zeros", len)
    assert lazy.zeros is len
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = lazy.no_such_thing


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("class Mine:\n    pass\n", "is no method: it has no train_step and no score"),
        ("from methods.base import Method\nclass Mine(Method):\n    pass\n", "has no Options"),
    ],
)
def test_what_is_no_method_is_said_to_be_none(tmp_path, source, sentence):
    path = tmp_path / f"mine_{len(source)}.py"
    path.write_text(source)
    with pytest.raises(UsageError, match=sentence):
        options_class(f"{path}:Mine")


def test_what_is_no_space_is_said_to_be_none(tmp_path):
    path = tmp_path / "mine_space.py"
    path.write_text("class Mine:\n    name = 'mine'\n")
    with pytest.raises(UsageError, match="no search space: it has no scales and no supernet"):
        SPACES[f"{path}:Mine"]
    path = tmp_path / "mine_abstract_space.py"
    path.write_text(
        "from searchspaces.nb201.space import NASBench201\nfrom abc import abstractmethod\n"
        "class Mine(NASBench201):\n    cost = abstractmethod(NASBench201.cost)\n"
    )
    with pytest.raises(UsageError, match="no search space: it has no cost.$"):
        SPACES[f"{path}:Mine"]
    with pytest.raises(UsageError, match="a name is a text, not None"):
        SPACES[None]


def test_a_file_without_a_name_is_answered_with_its_methods_and_scorers(tmp_path):
    path = tmp_path / "mine_unnamed.py"
    path.write_text(
        "from methods.spos import SPOS\nclass Mine(SPOS):\n    pass\nclass MineOptions:\n    pass\n"
        "def norm(network, images, labels):\n    return 0\ndef helper(x):\n    return x\n"
    )
    with pytest.raises(UsageError, match="as FILE.py:NAME; it has Mine, norm.$"):
        METHODS[str(path)]
    with pytest.raises(UsageError, match="has no 'SPO'; known: Mine, norm.$"):
        METHODS[f"{path}:SPO"]


@dataclass(frozen=True)
class Bare:
    paths: int = 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (object, r"Options of mine is no class with @dataclass\(frozen=True\) before it\.$"),
        (Bare(), "is no class with @dataclass"),
        (Bare, r"^'paths' in Options of mine has no option\(default, text\) as its value\.$"),
    ],
)
def test_options_that_are_none_are_refused_in_a_sentence(monkeypatch, options, sentence):
    monkeypatch.setitem(METHODS._all(), "mine", f"{__name__}:Mine")
    monkeypatch.setitem(globals(), "Mine", type("Mine", (), {"Options": options}))
    with pytest.raises(UsageError, match=sentence):
        options_class("mine")


def test_a_scorer_s_options_say_on_what_networks_are_measured():
    def measure(self, network, images, labels):
        return 1.0

    own = make_dataclass("Own", [("images", int, option(8, "images"))])
    with pytest.raises(
        UsageError, match="^Options of Mine lack inputs, init, repeats; derive their"
    ):
        type("Mine", (Scorer,), {"Options": own, "measure": measure})
    assert type("Sized", (Scorer,), {"Options": own}).Options is own  # measures no network
