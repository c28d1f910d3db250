"""NAS-Bench-101's networks beside those of the package nasbench-pytorch.

Compared are the graph, with vertices pruned and channels divided; the shape of every convolution;
the outputs of each stage, the logits and the gradients for the same weights, by running statistics
and by those of the batch. Not comparable are its number of parameters, for it gives each vertex
without an operator and each missing projection a scalar that nothing uses, and what a training does
to the running statistics, for it passes on TensorFlow's decay, 0.997, as PyTorch's momentum, and at
the vertices leaves 0.1. Initial weights and the optimiser are its own, too.
"""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nasbench_pytorch.model import ModelSpec
from nasbench_pytorch.model.model import Network, Placeholder
from norms import randomised
from torch import nn

from searchspaces.base import ImageSpec
from searchspaces.nb101.cell import (
    EDGES,
    GENES,
    INPUT,
    INTERIOR,
    MAX_EDGES,
    OPERATORS,
    OUTPUT,
    POOL,
    decode_cell,
    live_cell,
)
from searchspaces.nb101.space import NASBench101

IMAGE = ImageSpec(3, 8, 5)  # sides halve twice: it rounds odd ones down, we round up
WIDTH, CELLS, STAGES = 14, 2, 3
SPACE = NASBench101("benchmark", width=WIDTH, cells=CELLS)


@st.composite
def cells(draw):
    """Genes in any labelling, with vertices off every path from input to output."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.2, 0.35, 0.5]))
    while True:
        operators = rng.integers(len(OPERATORS), size=INTERIOR)
        genes = (*operators.tolist(), *(rng.random(len(EDGES)) < density).astype(int).tolist())
        cell = live_cell(genes)
        if cell is not None and cell.edges <= MAX_EDGES:
            return genes


def theirs_of(genes):
    """Their network of the same cell, unpruned."""
    matrix = np.zeros((OUTPUT + 1, OUTPUT + 1), dtype=int)
    for edge, bit in zip(EDGES, genes[INTERIOR:], strict=True):
        matrix[edge] = bit
    operators = [OPERATORS[gene] for gene in genes[:INTERIOR]]
    spec = ModelSpec(matrix, ["input", *operators, "output"])
    return Network(spec, IMAGE.classes, IMAGE.channels, WIDTH, STAGES, CELLS)


def pair(genes):
    """Our network and theirs, in double precision, with the same weights and BN statistics.

    A convolution of another shape, or one that the other has not, fails here.
    """
    torch.manual_seed(0)
    ours, theirs = randomised(SPACE.standalone(genes, IMAGE)).double(), theirs_of(genes).double()
    cell, copied = live_cell(genes), 0

    def copy(mine, unit):
        nonlocal copied
        conv, bn, _ = unit.conv_bn_relu
        conv.load_state_dict(mine.conv.state_dict())
        bn.load_state_dict(mine.bn.state_dict() | {"num_batches_tracked": torch.tensor(0)})
        copied += 1

    copy(ours.stem, theirs.layers[0])
    modules = [module for stage in ours.stages for module in stage]
    numbers = sorted(theirs.cell_indices)
    for mine, their in zip(modules, (theirs.layers[i] for i in numbers), strict=True):
        for place, vertex in enumerate(cell.vertices, start=1):
            if vertex.operator != POOL:
                (unit,) = their.vertex_op[place].children()
                copy(mine.vertices[str(vertex.slot)][str(vertex.operator)], unit)
            if INPUT in vertex.parents:
                copy(mine.projections[str(vertex.slot)], their.input_op[place])
        if INPUT in cell.output:
            copy(mine.projections[str(OUTPUT)], their.input_op[-1])
    theirs.classifier.load_state_dict(ours.classifier.state_dict())
    for network in (ours, theirs):
        assert sum(isinstance(part, nn.Conv2d) for part in network.modules()) == copied
    return ours, theirs


def stages_of(theirs, x):
    """The outputs of the last cells of their stacks."""
    outputs = []
    for layer in theirs.layers:
        if isinstance(layer, nn.MaxPool2d):
            outputs.append(x)
        x = layer(x)
    return [*outputs, x]


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(cells(), st.booleans())
@example(decode_cell("out:0"), False)
@example(decode_cell("1x1:0|3x3:0|3x3:0|3x3:3|max:0|out:1245"), True)
@example(decode_cell("3x3:0|1x1:01|max:02|out:0123"), True)
def test_outputs_and_gradients_are_the_same(genes, training):
    assert len(genes) == GENES
    ours, theirs = (network.train(training) for network in pair(genes))
    images = torch.randn(6, IMAGE.channels, IMAGE.size, IMAGE.size, dtype=torch.float64)
    mine, their = images.clone().requires_grad_(), images.clone().requires_grad_()
    stages, logits = ours.features(mine)
    for index, (own, other) in enumerate(zip(stages, stages_of(theirs, their), strict=True)):
        assert own.shape == (6, WIDTH << index, IMAGE.size >> index, IMAGE.size >> index)
        torch.testing.assert_close(own, other, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(logits, theirs(their), rtol=1e-7, atol=1e-9)
    logits.square().sum().backward()
    theirs(their).square().sum().backward()
    torch.testing.assert_close(mine.grad, their.grad, rtol=1e-6, atol=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(cells())
def test_parameters_are_theirs_less_the_scalars_that_nothing_uses(genes):
    theirs = theirs_of(genes)
    unused = sum(isinstance(part, Placeholder) for part in theirs.modules())
    assert unused >= 2 * CELLS * STAGES
    parameters = sum(parameter.numel() for parameter in theirs.parameters())
    assert parameters - unused == SPACE.cost(genes, IMAGE).params


def test_statistics_after_a_training_step_are_not_comparable():
    """Should the package mend its momentum, the first paragraph here is to be mended, too."""
    momenta = {
        part.momentum
        for part in theirs_of(decode_cell("3x3:0|out:1")).modules()
        if isinstance(part, nn.BatchNorm2d)
    }
    assert momenta == {0.1, 0.997}
