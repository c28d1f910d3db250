"""The methods by name; third parties add theirs through the entry-point group."""

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
        "dna": "methods.dna:DNA",
    },
)

_OPTIONS = Registry(
    "options of method",
    "nas_harness.method_options",
    {
        "spos": "methods.options:SPOSOptions",
        "fairnas": "methods.fairnas_options:FairNASOptions",
        "mixpath": "methods.mixpath_options:MixPathOptions",
        "cream": "methods.cream.options:CreamOptions",
        "ennas": "methods.ennas.options:EnNASOptions",
        "mngnas": "methods.options:MNGNASOptions",
        "darts": "methods.relaxation_options:DARTSOptions",
        "gdas": "methods.relaxation_options:GDASOptions",
        "dna": "methods.dna_options:DNAOptions",
    },
)


def options_class(name: str) -> type:
    """The dataclass of a method's options, without importing the method where it can be avoided.

    Raises :class:`UsageError` for an unknown method.
    """
    return _OPTIONS[name] if name in _OPTIONS else METHODS[name].Options
