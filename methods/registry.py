"""The methods and the scorers by name; third parties add theirs through entry-point groups."""

from dataclasses import fields, is_dataclass
from inspect import isfunction
from typing import Any

from searchspaces.errors import UsageError
from searchspaces.registry import Registry, file_of

SCORERS = Registry(
    "scorer",
    "nas_harness.scorers",
    {
        "params": "methods.scorers.sizes:Params",
        "flops": "methods.scorers.sizes:Flops",
        "layers": "methods.scorers.sizes:Layers",
        "l2": "methods.scorers.gradients:L2",
        "grad_norm": "methods.scorers.gradients:GradNorm",
        "snip": "methods.scorers.gradients:Snip",
        "grasp": "methods.scorers.gradients:Grasp",
        "fisher": "methods.scorers.gradients:Fisher",
        "synflow": "methods.scorers.synflow:Synflow",
        "jacov": "methods.scorers.jacobians:Jacov",
        "epe": "methods.scorers.jacobians:EPE",
        "naswot": "methods.scorers.naswot:NASWOT",
        "zen": "methods.scorers.zen:Zen",
        "zico": "methods.scorers.zico:ZiCo",
        "az-nas": "methods.scorers.aznas:AZNAS",
        "ensemble": "methods.scorers.ensemble:Ensemble",
        "short-training": "methods.scorers.short_training:ShortTraining",
    },
)


class Methods(Registry):
    """Whatever scores architectures: the methods that train a supernet, and by name the scorers.

    A function is a scorer (:func:`methods.scorers.function.scorer_of`), from a file or registered
    as either. Iteration is over the methods that are no scorers.
    """

    def __getitem__(self, name: str) -> Any:
        if file_of(name) is None and name not in self:
            if name not in SCORERS:
                raise self.unknown(name, [*self, *SCORERS])
            return self.made(SCORERS[name])
        return super().__getitem__(name)

    def made(self, found: Any) -> Any:
        if isfunction(found):
            from methods.scorers.function import scorer_of

            return scorer_of(found)
        return found


# Searches that the papers print beside theirs, and that no other method here is made of.
RIVALS = {
    "darts-": "methods.darts_minus:DARTSMinus",
    "fairdarts": "methods.fairdarts:FairDARTS",
    "rlnas": "methods.rlnas:RLNAS",
    "greedynas": "methods.greedynas:GreedyNAS",
    "mct-nas": "methods.mct_nas:MCTNAS",
    "enas": "methods.enas:ENAS",
    "sumnas": "methods.sumnas:SUMNAS",
    "pa-da": "methods.pa_da:PADA",
    "rsps": "methods.rsps:RSPS",
    "fbnet": "methods.fbnet:FBNet",
    "p-darts": "methods.p_darts.method:PDARTS",
    "pc-darts": "methods.pc_darts:PCDARTS",
    "proxylessnas": "methods.proxylessnas:ProxylessNAS",
    "nsas": "methods.nsas:NSAS",
    "setn": "methods.setn:SETN",
    "snas": "methods.snas:SNAS",
    "bossnas": "methods.bossnas.method:BossNAS",
}

METHODS = Methods(
    "method",
    "nas_harness.methods",
    {
        "spos": "methods.spos:SPOS",
        "fairnas": "methods.fairnas:FairNAS",
        "mixpath": "methods.mixpath:MixPath",
        "cream": "methods.cream.method:Cream",
        "ennas": "methods.ennas.method:EnNAS",
        "mngnas": "methods.mngnas.method:MNGNAS",
        "darts": "methods.darts:DARTS",
        "gdas": "methods.gdas:GDAS",
        "dna": "methods.dna.method:DNA",
        "few-shot": "methods.few_shot:FewShot",
        "sandwich": "methods.sandwich:Sandwich",
        **RIVALS,
    },
    needs=("train_step", "score"),
)

_OPTIONS = Registry(
    "options of method",
    "nas_harness.method_options",
    {
        "bossnas": "methods.bossnas.options:BossNASOptions",
        "cream": "methods.cream.options:CreamOptions",
        "dna": "methods.dna.options:DNAOptions",
        "ennas": "methods.ennas.options:EnNASOptions",
        "mngnas": "methods.mngnas.options:MNGNASOptions",
    },
)


def options_class(name: str) -> type:
    """The dataclass of a method's options: those of the method's class, ``Options``.

    The group ``nas_harness.method_options`` names it again where the method's module imports
    PyTorch, which takes seconds: the command line asks for it to print its help.

    Raises :class:`UsageError` for an unknown method, for what is none, and for options that are no
    dataclass of :func:`methods.options.option`.
    """
    if name in _OPTIONS:
        return _OPTIONS[name]
    try:
        options: Any = METHODS[name].Options
    except AttributeError:
        raise UsageError(
            f"{name} is no method that can be run: it has no Options; subclass "
            "methods.base.Method and name the dataclass of its options Options."
        ) from None
    if not isinstance(options, type) or not is_dataclass(options):
        raise UsageError(f"Options of {name} is no class with @dataclass(frozen=True) before it.")
    for item in fields(options):
        if "help" not in item.metadata:
            raise UsageError(
                f"'{item.name}' in Options of {name} has no option(default, text) as its value."
            )
    return options
