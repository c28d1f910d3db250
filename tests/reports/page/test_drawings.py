"""Packed diagrams come back as they were, and the browser's layout of cells holds together."""

import json
from pathlib import Path

import numpy as np
import pytest
from browser import node

from reports import page
from reports.architectures.layered import longest_paths
from reports.page.compose import SCRIPTS
from reports.page.drawings import Shelf
from reports.style.theme import PALE, colour
from searchspaces.diagram import Graph
from searchspaces.registry import SPACES

FOLDER = Path(page.__file__).parent
ARCHITECTURES = 40
CELLS = ("nb201", "nb101", "darts")


def shelved(name):
    """A shelf with architectures of a space, and their diagrams."""
    space, rng = SPACES[name](), np.random.default_rng(0)
    shelf = Shelf(0, space)
    archs = [space.sample(rng) for _ in range(ARCHITECTURES)]
    return shelf, [(shelf.place(space.encode(arch)), space.diagrams(arch)) for arch in archs]


@pytest.mark.parametrize("name", [*CELLS, "macro", "mobilenet"])
def test_packed_diagrams_hold_all_that_is_drawn(name):
    shelf, drawn = shelved(name)
    content = json.loads(json.dumps(shelf.content()))
    for place, diagrams in drawn:
        packed = content["drawings"][place]
        assert len(packed) == len(diagrams)
        for (frame, *parts), diagram in zip(packed, diagrams, strict=True):
            shape = content["frames"][frame]
            assert shape["title"] == diagram.title
            if isinstance(diagram, Graph):
                assert shape["ranks"] == list(diagram.columns or longest_paths(diagram))
                assert shape["operators"] == [node.operator for node in diagram.nodes]
                edges = [[edge.source, edge.target, edge.live] for edge in diagram.edges]
                assert shape["edges"] == edges
                labels = [part.label for part in (*diagram.nodes, *diagram.edges)]
                expected = [[label, colour(label)] for label in labels]
                assert [content["labels"][part] for part in parts] == expected
            else:
                stages = [[stage.title, len(stage.blocks)] for stage in diagram.stages]
                assert shape["stages"] == stages and shape["note"] == diagram.note
                blocks = [block for stage in diagram.stages for block in stage.blocks]
                for part, block in zip(parts, blocks, strict=True):
                    label, paint, size, reduces = content["blocks"][part]
                    assert (label, bool(reduces)) == (block.label, block.reduces)
                    assert paint == (PALE if block.fixed else colour(block.label))
                    assert size == pytest.approx(block.size, rel=5e-3)


def test_what_a_space_cannot_read_is_kept_without_a_drawing():
    shelf = Shelf(0, SPACES["nb201"]())
    assert shelf.place("no architecture") == shelf.place("no architecture") == 0
    assert shelf.content()["drawings"] == [[]]


def test_scripts_have_no_mistakes_of_syntax():
    whole = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    node(f'"use strict";\n{whole}', "--check")
    assert set(SCRIPTS) == {path.name for path in FOLDER.glob("*.js")}


@pytest.mark.parametrize("name", CELLS)
def test_in_the_layout_nothing_lies_on_anything_else(name):
    shelf, _ = shelved(name)
    content = shelf.content()
    graphs = [
        (content["frames"][frame], parts)
        for packed in content["drawings"]
        for frame, *parts in packed
    ]
    asked = [
        {
            "ranks": shape["ranks"],
            "edges": shape["edges"],
            "labelled": [content["labels"][p][0] != "" for p in parts[len(shape["ranks"]) :]],
        }
        for shape, parts in graphs
    ]
    script = (FOLDER / "layout.js").read_text(encoding="utf-8")
    script += f"\nconsole.log(JSON.stringify({json.dumps(asked)}.map(arrange)));"
    for graph, layout in zip(asked, json.loads(node(script)), strict=True):
        heights: dict[int, list[float]] = {}
        inner = [place for route in layout["routes"] for place in route[1:-1]]
        for place in (*layout["nodes"], *inner):
            assert 0 <= place["height"] <= layout["slots"]
            heights.setdefault(place["column"], []).append(place["height"])
        assert sorted(heights) == list(range(layout["columns"]))
        assert layout["slots"] <= max(map(len, heights.values())) + 1
        for slots in heights.values():
            assert all(np.diff(sorted(slots)) > 1 - 1e-9)
        parts = zip(graph["edges"], layout["routes"], layout["labels"], strict=True)
        for number, ((source, target, _), route, label) in enumerate(parts):
            assert route[0] == layout["nodes"][source] and route[-1] == layout["nodes"][target]
            columns = [place["column"] for place in route]
            assert columns == list(range(columns[0], columns[-1] + 1))
            inside = 0 < label < len(route) - 1
            assert inside if graph["labelled"][number] else label == -1
