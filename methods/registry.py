"""The methods by name; third parties add theirs through the entry-point group."""

from searchspaces.errors import UsageError
from searchspaces.registry import Registry

METHODS = Registry(
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
    },
    needs=("train_step", "score"),
)

_OPTIONS = Registry(
    "options of method",
    "nas_harness.method_options",
    {
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

    Raises :class:`UsageError` for an unknown method, and for what is none.
    """
    if name in _OPTIONS:
        return _OPTIONS[name]
    method = METHODS[name]
    try:
        return method.Options
    except AttributeError:
        raise UsageError(
            f"{name} is no method that can be run: it has no Options; subclass "
            "methods.base.Method and name the dataclass of its options Options."
        ) from None
