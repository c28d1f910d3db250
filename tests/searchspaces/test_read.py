"""Every writing of an architecture that a space knows is the architecture; others are refused."""

import json

import numpy as np
import pytest

from searchspaces.darts.cell import genotype_of
from searchspaces.errors import AmbiguousWriting, UnknownOperator, UsageError
from searchspaces.literals import literal
from searchspaces.nb101.cell import EDGES, GENE, INPUT, OUTPUT
from searchspaces.nb101.cell import OPERATORS as VERTEX_OPERATORS
from searchspaces.registry import SPACES

SEEDS = range(5)


def drawn(name, seed):
    space = SPACES[name]()
    return space, space.sample(np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_nb201_reads_tuples_structures_and_inputs_in_any_order(seed):
    space, arch = drawn("nb201", seed)
    text = space.encode(arch)
    nodes = [
        [(term.split("~")[0], int(term.split("~")[1])) for term in node[1:-1].split("|")]
        for node in text.split("+")
    ]
    backwards = "+".join(f"|{'|'.join(node[1:-1].split('|')[::-1])}|" for node in text.split("+"))
    for written in (
        text,
        f" {text}\n",
        backwards,
        f"Structure(4 nodes with {text})",
        f"CellStructure(4 nodes with {text})",
        str([tuple(node) for node in nodes]),
        str(tuple(tuple(node[::-1]) for node in nodes)),
        json.loads(json.dumps(nodes)),
    ):
        assert space.read(written) == arch, written


@pytest.mark.parametrize(
    "written",
    ["014212", "[4, 3, 3, 4, 2, 3]", [4, 3, 3, 4, 2, 3], "(0, 0, 0, 0, 0, 0)", str(["none"] * 6)],
)
def test_operators_by_number_are_ambiguous_in_nb201(written):
    with pytest.raises(AmbiguousWriting, match="orders of operators and edges differ"):
        SPACES["nb201"]().read(written)


@pytest.mark.parametrize("name", ["macro", "shufflenet", "ennas-s2", "mobilenet-proxyless"])
@pytest.mark.parametrize("seed", SEEDS)
def test_chains_read_lists_of_choices(name, seed):
    space, arch = drawn(name, seed)
    for written in (
        arch,
        list(arch),
        str(arch),
        str(list(arch)),
        str(np.array(arch)),
        repr(np.array(arch)).replace("\n", ""),
        str([np.int64(choice) for choice in arch]),
        ", ".join(map(str, arch)),
        "-".join(map(str, arch)),
        "_".join(map(str, arch)),
        space.encode(arch),
    ):
        assert space.read(written) == arch, written
    for written in (
        arch[:-1],
        [*arch[:-1], 99],
        [*arch[:-1], -1],
        str(arch[:-1]),
        [0.5] * len(arch),
    ):
        with pytest.raises(UsageError, match=f"no architecture of {name}"):
            space.read(written)


@pytest.mark.parametrize("seed", SEEDS)
def test_darts_reads_every_print_of_a_genotype(seed):
    space, arch = drawn("darts", seed)
    genotype, text = genotype_of(arch), space.encode(arch)
    flat = {
        "normal": [list(edge) for node in genotype.normal for edge in node],
        "normal_concat": [2, 3, 4, 5],
        "reduce": [list(edge) for node in genotype.reduce for edge in node],
        "reduce_concat": [2, 3, 4, 5],
    }
    nested = [[list(edge) for edge in node[::-1]] for node in genotype.normal]
    by_node = f"Genotype(normal={nested}, normal_concat=range(2, 6), reduce={flat['reduce']})"
    for written in (
        text,
        f"genotype = {text}",
        text.replace("range(2, 6)", "[2, 3, 4, 5]").replace("'", '"'),
        text.replace(", ", ",\n    "),
        by_node,
        f"Genotype({flat['normal']}, range(2, 6), {flat['reduce']}, range(2, 6))",
        str(flat),
        json.dumps(flat),
        json.loads(json.dumps(flat)),
        json.loads(json.dumps(list(flat.values()))),
        {"normal": flat["normal"], "reduce": flat["reduce"]},
    ):
        assert space.read(written) == arch, written
    for key, wrong in (
        ("normal", flat["normal"][:7]),
        ("normal_concat", [2, 3]),
        ("reduce", [["none", 0]] * 8),
        ("reduce", [["sep_conv_3x3", 0]] * 8),
        ("reduce", 7),
    ):
        with pytest.raises(UsageError):
            space.read(flat | {key: wrong})


CHAIN = ["input", "conv3x3-bn-relu", "maxpool3x3", "output"]


def spec(space, arch):
    """Adjacency matrix and operators of all seven slots."""
    matrix = [[0] * (OUTPUT + 1) for _ in range(OUTPUT + 1)]
    for source, target in EDGES:
        matrix[source][target] = arch[GENE[source, target]]
    names = [VERTEX_OPERATORS[gene] for gene in arch[:5]]
    return matrix, ["input", *names, "output"]


@pytest.mark.parametrize("seed", SEEDS)
def test_nb101_reads_a_matrix_with_operators_in_any_labelling(seed):
    space, arch = drawn("nb101", seed)
    matrix, operators = spec(space, arch)
    short = [name.removesuffix("-bn-relu") for name in operators]
    official = {"module_adjacency": matrix, "module_operations": operators}
    for written in (
        official,
        str(official),
        json.dumps(official),
        {"matrix": str(matrix), "ops": str(short)},
        {"adjacency": matrix, "operations": operators},
        {"adjacency_matrix": matrix, "operators": operators},
        {"original_matrix": matrix, "original_ops": operators},
        [matrix, operators],
        str((matrix, operators)),
        f"ModelSpec(matrix={matrix}, ops={operators})",
        space.encode(arch),
    ):
        assert space.read(written) == arch, written
    order = [0, *(1 + np.random.default_rng(seed).permutation(5)).tolist(), OUTPUT]
    other = [[matrix[a][b] for b in order] for a in order], [operators[a] for a in order]
    assert space.read(other) == arch


@pytest.mark.parametrize(
    ("matrix", "operators", "says"),
    [
        ([[0, 1], [1, 0]], ["input", "output"], "back to 0"),
        (
            [[0, 1, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1], [0] * 4],
            CHAIN,
            "from 2 back to 1; .* no cycle",
        ),
        ([[0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 0, 1], [0] * 4], CHAIN, "from 1 back to 0"),
        ([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 0]], CHAIN, "from 3 back to 2"),
        ([[0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 1], [0] * 4], CHAIN, "from 1 back to 1"),
        ([[0, 0], [0, 0]], ["input", "output"], "no path"),
        ([[0, 1], [0, 0]], ["input"], "2 vertices has as many operators"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv7x7", "output"], "operator 'conv7x7'"),
        ([[0, 2], [0, 0]], ["input", "output"], "not a cell"),
        ([[0, 1], [0]], ["input", "output"], "not a cell"),
    ],
)
def test_a_matrix_that_is_no_cell_is_refused(matrix, operators, says):
    assert INPUT == 0
    with pytest.raises(UsageError, match=says):
        SPACES["nb101"]().read({"matrix": matrix, "ops": operators})


@pytest.mark.parametrize(
    "text",
    ["", "7", "None", "[1]", "[((1,),)]", "[(('a', 'b'),)]", "__import__('os')", "(" * 900, "-" * 900]
    + ["range(10**9)", "f(**{})", "[" + "(('none', 0),)," * 1000 + "]"],
)  # fmt: skip
def test_other_text_is_no_architecture_and_nothing_is_evaluated(text):
    for name in SPACES:
        with pytest.raises(UsageError):
            SPACES[name]().read(text)


MISSPELT = {  # an architecture, what is wrong in it, and what is meant
    "nb201": ("|nor_conv_3x4~0|+|none~0|none~1|+|none~0|none~1|none~2|", "nor_conv_3x4", "nor_conv_3x3"),
    "nb101": ("3x3:0|maxx:01|out:12", "maxx", "max"),
    "nb101-1shot1-1": ("3x3|1x2|max|3x3|12|23|34", "1x2", "1x1"),
    "nb101-mixpath": ("3x3|non|max|1x1", "non", "none"),
    "darts": (str(genotype_of((3,) * 16 + (0,) * 6)).replace("sep", "sip", 1), "sip_conv_3x3", "sep_conv_3x3"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_operator_is_answered_with_the_nearest(name):
    written, wrong, meant = MISSPELT[name]
    for read in (SPACES[name]().read, SPACES[name]().decode):
        with pytest.raises(
            UnknownOperator, match=f"^unknown operator '{wrong}' in .*mean '{meant}'"
        ):
            read(written)


def test_a_misspelt_operator_of_a_matrix_is_answered_with_the_nearest():
    matrix = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    with pytest.raises(UnknownOperator, match="'conv3x3-bn-rely' .*did you mean 'conv3x3-bn-relu'"):
        SPACES["nb101"]().read([matrix, ["input", "conv3x3-bn-rely", "output"]])


def test_long_text_is_not_even_parsed():
    with pytest.raises(ValueError, match="too long"):
        literal("[" + "1," * 4000 + "]")
