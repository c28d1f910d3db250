import json
import os
import re
import struct
import sys
from itertools import combinations, pairwise
from subprocess import run

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, PathPatch
from params import slow_but

from reports.architectures.architecture import DASHED, draw_found, picture, save
from reports.architectures.diagrams import GraphPicture
from reports.architectures.layered import arrange, longest_paths
from reports.commands.draw import main
from reports.style.formatting import shorten
from reports.style.image_files import FORMATS
from reports.style.theme import GREY, INK, KERNELS, LOOKS, OTHER, PALE, POOL, colour, looks
from searchspaces.diagram import Block, Chain, Edge, Graph, Node, Stage
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

FULL = "|nor_conv_1x1~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
DENSE = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_5x5', 0), \
('dil_conv_3x3', 2), ('max_pool_3x3', 1), ('avg_pool_3x3', 3), ('skip_connect', 2), \
('sep_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), \
('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), \
('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
EXAMPLES = {
    "nb201": FULL,
    "nb101": "3x3:0|1x1:0|max:12|3x3:1|1x1:3|out:245",
    "darts": DENSE,
    "mobilenet": "0123450123450123450",
    "shufflenet": "01230123012301230123",
    "macro": "01201202",
}


def diagrams(space, seed):
    space = SPACES[space]()
    return space.diagrams(space.sample(np.random.default_rng(seed)))


@st.composite
def graphs(draw):
    """Any graph of at most seven nodes, with and without labels."""
    size = draw(st.integers(2, 7))
    pairs = draw(
        st.lists(st.sampled_from([*combinations(range(size), 2)]), unique=True, max_size=12)
    )
    labels = st.sampled_from(["", "skip", "sep_conv_3x3"])
    edges = tuple(Edge(source, target, draw(labels)) for source, target in pairs)
    return Graph("", tuple(Node(f"n{n}") for n in range(size)), edges)


@pytest.mark.slow
@settings(max_examples=25)
@given(graphs())
def test_nodes_labels_and_edges_share_no_slot(graph):
    layout = arrange(graph)
    assert layout == arrange(graph)
    inner = [place for route in layout.routes for place in route[1:-1]]
    columns = {}
    for place in (*layout.nodes, *inner):
        assert place.height >= -1e-9
        columns.setdefault(place.column, []).append(place.height)
    assert sorted(columns) == list(range(layout.columns))
    for heights in columns.values():
        assert all(above - below > 1 - 1e-6 for below, above in pairwise(sorted(heights)))
    occupied = {place.column for place in layout.nodes}
    routed = zip(graph.edges, layout.routes, layout.labels, strict=True)
    for edge, route, label in routed:
        assert (route[0], route[-1]) == (layout.nodes[edge.source], layout.nodes[edge.target])
        assert all(after.column == before.column + 1 for before, after in pairwise(route))
        assert (label is None) == (edge.label == "")
        assert label is None or route[label].column not in occupied


@given(graphs())
def test_columns_are_longest_paths(graph):
    def longest(node):
        before = [longest(edge.source) + 1 for edge in graph.edges if edge.target == node]
        return max(before, default=0)

    assert longest_paths(graph) == tuple(map(longest, range(len(graph.nodes))))


def test_a_planar_cell_is_drawn_without_crossings():
    """All six edges of NAS-Bench-201."""
    (graph,) = SPACES["nb201"]().diagrams((1, 2, 3, 4, 1, 2))
    routes = arrange(graph).routes
    steps = [step for route in routes for step in pairwise(route)]
    for (a, b), (c, d) in combinations(steps, 2):
        if a.column == c.column:
            assert (a.height - c.height) * (b.height - d.height) >= 0


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nb201", "nb101", "darts"])
@pytest.mark.parametrize("seed", range(3))
def test_no_edge_runs_through_a_node_or_a_label(space, seed):
    """In the drawn curves and the boxes of the drawn words."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path

    for graph in diagrams(space, seed):
        figure = Figure(figsize=(9, 4), dpi=200)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 9), ylim=(0, 4))
        GraphPicture(graph, 8.6).draw(axes, 0.2, 0.2)
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        curves = [p for p in axes.patches if type(p) is PathPatch]
        boxes = [p for p in axes.patches if type(p) is FancyBboxPatch]
        names = {node.label for node in graph.nodes}
        labels = [t for t in axes.texts if t.get_text() not in names]
        labelled = [edge for edge in graph.edges if edge.label]
        assert [text.get_text() for text in labels] == [edge.label for edge in labelled]
        for edge, curve in zip(graph.edges, curves, strict=True):
            (line,) = (
                curve.get_transform()
                .transform_path(curve.get_path())
                .to_polygons(closed_only=False)
            )
            for number, box in enumerate(boxes):
                meets = Path(line).intersects_bbox(box.get_window_extent(), filled=False)
                assert not meets or number in (edge.source, edge.target)
            for other, text in zip(labelled, labels, strict=True):
                meets = Path(line).intersects_bbox(text.get_window_extent(renderer), filled=False)
                assert meets == (other is edge)


@pytest.mark.parametrize("space", slow_but(["nb201", "nb101", "darts", "macro"], SPACES))
@pytest.mark.parametrize("seed", slow_but([0], range(2)))
def test_no_words_overlap_or_leave_the_picture(space, seed):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = picture(diagrams(space, seed), "W" * 200, ["w" * 300, "second line"])
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    words = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in words]
    for i, box in enumerate(boxes):
        if i > 1:  # as wide as letters get, head and line may not fit
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, words[i]
        assert box.y0 >= 0 and box.y1 <= figure.bbox.y1, words[i]
        for j in range(i):
            assert not box.padded(-1).overlaps(boxes[j].padded(-1)), (words[i], words[j])


@pytest.mark.slow
def test_long_names_and_chains_still_fit():
    node, chain = Node("operator_with_a_long_name", operator=True), 80 * (Block("identity"),)
    edges = tuple(Edge(n, n + 1, "another_long_operator") for n in range(6))
    wide = GraphPicture(Graph("", (node,) * 7, edges), 8.6)
    assert wide.scale < 1
    assert wide.columns[0][0] >= -1e-9 and wide.columns[-1][1] <= 8.6 + 1e-9
    assert all(before[1] < after[0] for before, after in pairwise(wide.columns))
    figure = picture([Chain("", (Stage("many", chain),))], "long")
    assert max(patch.get_x() + patch.get_width() for patch in figure.axes[0].patches) < 9


def test_blocks_are_as_tall_as_they_are_large_and_coloured_by_their_operators():
    stages = (
        Stage("first", (Block("k3e6", size=1.0), Block("k7e3", size=0.5, reduces=True))),
        Stage("", (Block("stem", size=0.0, fixed=True),)),
    )
    axes = picture([Chain("", stages, "a note")], "").axes[0]
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == pytest.approx([0.8, 0.07 + (0.8 - 0.07) / 2, 0.07])
    colours = [to_hex(patch.get_facecolor()) for patch in axes.patches]
    assert colours == [KERNELS["3"], KERNELS["7"], PALE]
    middles = [patch.get_x() + patch.get_width() / 2 for patch in axes.patches]
    assert np.diff(middles) == pytest.approx([0.62, 0.62 + 0.1])
    levels = [patch.get_y() + patch.get_height() / 2 for patch in axes.patches]
    assert np.ptp(levels) == pytest.approx(0)
    named = {text.get_text(): text.get_position()[0] for text in axes.texts}
    labels = [named[name] for name in ("k3e6", "k7e3", "stem")]
    assert labels == pytest.approx(middles) and named["÷2"] == pytest.approx(middles[1])
    assert named["first"] == pytest.approx(np.mean(middles[:2])) and "a note" in named


def test_operators_on_edges_and_in_nodes_have_their_colours():
    nodes = (
        Node("in"),
        Node("conv3x3", operator=True),
        Node("maxpool", operator=True),
        Node("out"),
    )
    edges = (Edge(0, 1), Edge(1, 3, "k7"), Edge(0, 2, live=False))
    axes = picture([Graph("", nodes, edges)], "").axes[0]
    ways = [to_hex(patch.get_edgecolor()) for patch in axes.patches if type(patch) is PathPatch]
    assert ways == [INK, KERNELS["7"], GREY]
    boxes = [patch for patch in axes.patches if type(patch) is FancyBboxPatch]
    assert [to_hex(box.get_edgecolor()) for box in boxes] == [INK, KERNELS["3"], POOL, INK]
    named = {text.get_text(): text.get_color() for text in axes.texts}
    assert (named["conv3x3"], named["maxpool"], named["out"]) == (INK, GREY, INK)
    middles = [box.get_x() + box.get_width() / 2 for box in boxes]
    assert middles[1] == pytest.approx(middles[2]) and middles[0] < middles[1] < middles[3]


def test_dead_edges_are_grey_and_dashed():
    (graph,) = SPACES["nb201"]().diagrams((3, 0, 0, 3, 0, 0))
    axes = picture([graph], "").axes[0]
    live = {patch.get_linestyle() == "solid" for patch in axes.patches[:3:2]}
    assert [edge.live for edge in graph.edges] == [False, True] and live == {True, False}
    assert DASHED in [text.get_text() for text in axes.texts]


def test_series_have_looks_in_their_order_which_recur():
    names = [f"{number}" for number in range(len(LOOKS) + 1)]
    assert looks([names[0], *names]) == dict(zip(names, [*LOOKS, LOOKS[0]], strict=True))
    assert len({look.colour for look in LOOKS}) == len({look.mark for look in LOOKS}) == 9


def test_what_is_too_long_loses_its_middle():
    assert shorten("a  b\nc", 5) == "a b c"
    assert shorten("abcdefghij", 5) == "ab…ij" and shorten("abcdefghij", 6) == "abc…ij"
    assert shorten("abcdefghij", 10) == "abcdefghij"


def test_operators_have_the_colour_of_their_kernel():
    for name in ("nor_conv_3x3", "sep_conv_3x3", "k3e6", "shuffle3x1.2", "conv3x3"):
        assert colour(name) == KERNELS["3"]
    assert colour("k7e3") == colour("shuffle7") == KERNELS["7"]
    assert colour("conv1x1") == KERNELS["1"]
    assert colour("maxpool3x3") == colour("avg_pool_3x3") == POOL
    assert colour("skip_connect") == colour("identity") == GREY
    assert colour("xception") == colour("xceptionx1.4") == colour("new operator") == OTHER


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nb201", "darts", "macro"])
def test_the_same_architecture_gives_the_same_bytes(tmp_path, space):
    paths = [tmp_path / f"a{suffix}" for suffix in FORMATS]
    written = []
    for _ in range(2):
        save(diagrams(space, 0), "title $1$", ["below"], paths)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    png, pdf, svg = written[0]
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">I", png[16:20]) == (1800,)
    assert svg.rstrip().endswith(b"</svg>") and pdf.startswith(b"%PDF")
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg", "a.pdf"}


@pytest.mark.parametrize("space", EXAMPLES)
def test_the_command_draws_into_the_current_folder(space, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["--space", space, EXAMPLES[space]])
    (path,) = tmp_path.iterdir()
    assert capsys.readouterr().out == f"{path.name}\n"
    assert path.name.startswith(f"{space}-") and path.read_bytes().startswith(b"\x89PNG")


def test_a_space_in_a_file_is_called_by_its_name(tmp_path, monkeypatch, capsys):
    source = "from searchspaces.nb201.space import NASBench201\n\n\nclass Own(NASBench201):\n"
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "drawn_space.py").write_text(source + '    name = "own-cells"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    main(["--space", "spaces/drawn_space.py:Own", FULL])
    (path,) = tmp_path.glob("*.png")
    assert capsys.readouterr().out == f"{path.name}\n"
    assert re.fullmatch("own-cells-[0-9a-f]{8}.png", path.name)


@pytest.mark.slow
def test_the_command_samples_and_prints_json(tmp_path, capsys):
    line = ["--random", "5", "--json", "--scale", "compact", "--output"]
    main([*line, str(tmp_path / "new")])
    first = json.loads(capsys.readouterr().out)
    assert sorted(p.suffix for p in (tmp_path / "new").iterdir()) == sorted(FORMATS)
    main([first["arch"], "--title", "mine", *line[2:], str(tmp_path / "one.SVG")])
    second = json.loads(capsys.readouterr().out)
    assert second["diagrams"] == first["diagrams"] and second["scale"] == "compact"
    assert first["diagrams"][0]["kind"] == "graph"
    assert second["files"] == [str(tmp_path / "one.SVG")] and (tmp_path / "one.SVG").exists()
    (svg,) = (tmp_path / "new").glob("*.svg")
    assert "<!-- nb201, compact -->" in svg.read_text()
    assert "<!-- mine -->" in (tmp_path / "one.SVG").read_text()
    sampled = SPACES["nb201"]("compact")
    assert first["arch"] == sampled.encode(sampled.sample(np.random.default_rng(5)))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "either one architecture"),
        (f"{FULL} --random 1", "either one architecture"),
        ("nonsense", "not a NAS-Bench-201 architecture"),
        ("--space nb20l x", "did you mean 'nb201'"),
        ("--random -1", "whole number"),
        ("--random 1 --scale compcat", "did you mean 'compact'"),
        ("--random 1 --output a.jpg", "cannot be a '.jpg' file"),
        ("--random 1 --output file/a.png", "cannot write file/a.png"),
        ("--random 1 --otuput a.png", "did you mean '--output'"),
    ],
)
def test_a_mistake_is_one_sentence(line, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=sentence.replace(".", r"\.")):
        main(line.split())
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.slow
def test_what_a_run_found_is_drawn_beside_it(write_run, make_record):
    found = {"arch": FULL, "truth": 91.0, "regret": -0.5, "how": "read"}
    folder = write_run("a", make_record(found=found))
    assert draw_found(folder) == folder / "found.png"
    assert {p.name for p in folder.iterdir()} == {"run.json", "found.png", "found.svg"}
    svg = (folder / "found.svg").read_bytes()
    draw_found(folder)
    assert (folder / "found.svg").read_bytes() == svg
    for words in ("found by spos on nb201, digits: 91.00 %, regret −0.50", "avg_pool_3x3"):
        assert f"<!-- {words} -->" in svg.decode()


def test_a_run_without_a_drawable_architecture_is_refused(write_run, make_record, tmp_path):
    with pytest.raises(UsageError, match=r"found\.arch is missing"):
        draw_found(write_run("a", make_record(found=None)))
    with pytest.raises(UsageError, match="not a NAS-Bench-201 architecture"):
        draw_found(write_run("b", make_record()))
    (tmp_path / "checkpoint.pt").touch()
    with pytest.raises(UsageError, match="not finished"):
        draw_found(tmp_path)


@pytest.mark.slow
def test_help_and_pictures_import_only_what_they_need(tmp_path):
    code = (
        "import sys\n"
        "from reports.commands.draw import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'matplotlib', 'scipy', 'pandas'} & set(sys.modules)\n"
        f"main(['--random', '1', '--output', {str(tmp_path)!r}])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    assert run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0
