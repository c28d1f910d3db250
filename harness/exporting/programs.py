"""A network as a program that needs nothing of this project: for PyTorch, or as ONNX."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from searchspaces.chain.network import ChannelsLast
from searchspaces.errors import UsageError, first_line

CARD = "card.json"  # its name in a file for PyTorch
METADATA = "nas_harness_card"  # its key in the metadata of an ONNX file
_BATCH = {0: Dim("batch")}
_NEEDS = ("onnx", "onnxscript", "onnxruntime")
# What PyTorch notes at each node: where in whose sources it came up.
_SOURCES = ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node", "torch_fn")

Run = Callable[[torch.Tensor], torch.Tensor]
"""Logits ``[B, classes]`` of images ``[B, C, H, W]``."""


def traced(network: nn.Module, images: torch.Tensor) -> ExportedProgram:
    """``network`` in evaluation mode, for any number of images such as ``images``, at least two.

    In PyTorch's usual layout of memory, and without a word on where its code stands. Raises
    :class:`UsageError` for a network that PyTorch cannot trace.
    """
    network = deepcopy(network).eval().to(memory_format=torch.contiguous_format)
    for name, module in list(network.named_modules()):
        if isinstance(module, ChannelsLast):
            network.set_submodule(name, nn.Identity())
    try:
        with torch.no_grad(), _silence():
            program = torch.export.export(
                network, (images,), dynamic_shapes=(_BATCH,), strict=False
            )
    except Exception as error:  # it raises many types
        raise UsageError(
            f"PyTorch cannot trace this network ({type(error).__name__}: {first_line(error)}); its "
            "forward() must not depend on the values in its tensors."
        ) from error
    for node in program.graph.nodes:
        for noted in _SOURCES:
            node.meta.pop(noted, None)
    return program


@dataclass(frozen=True)
class Format:
    """How a program becomes the bytes of a file with a card, and how such a file is run."""

    suffix: str
    written: Callable[[ExportedProgram, torch.Tensor, str], bytes]
    read: Callable[[bytes], Run]
    needs: tuple[str, ...] = ()

    def check_installed(self) -> None:
        """Raises :class:`UsageError` where a package is missing."""
        if missing := [name for name in self.needs if find_spec(name) is None]:
            raise UsageError(
                f"--format onnx needs {' and '.join(missing)}: `pip install {' '.join(missing)}`, or "
                "the extra 'export'."
            )


def _written_for_torch(program: ExportedProgram, images: torch.Tensor, card: str) -> bytes:
    stream = io.BytesIO()
    with _silence():
        torch.export.save(program, stream, extra_files={CARD: card})
    return stream.getvalue()


def _read_by_torch(content: bytes) -> Run:
    with _silence():
        return torch.export.load(io.BytesIO(content)).module()


def _written_as_onnx(program: ExportedProgram, images: torch.Tensor, card: str) -> bytes:
    with _silence():
        made = torch.onnx.export(
            program,
            (images,),
            dynamo=True,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=(_BATCH,),
            verbose=False,
        )
    graph = made.model.graph
    graph.metadata_props.clear()
    noted = [*graph, *graph.inputs, *graph.initializers.values()]
    for part in [*noted, *(value for node in graph for value in node.outputs)]:
        part.metadata_props.clear()
    made.model.metadata_props[METADATA] = card
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def _read_by_onnxruntime(content: bytes) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


FORMATS = {
    "torch": Format(".pt2", _written_for_torch, _read_by_torch),
    "onnx": Format(".onnx", _written_as_onnx, _read_by_onnxruntime, _NEEDS),
}


@contextmanager
def _silence() -> Iterator[None]:
    """For PyTorch's words to its own developers."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
