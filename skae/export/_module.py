"""Torch modules as models of ONNX."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
"""Version of ONNX's operators: the oldest that torch exports to, which most runtimes know."""
ONE_AT_A_TIME = Lock()
"""Held during an export: torch replaces functions of its own meanwhile, for all threads."""
LOGGER = logging.getLogger("torch.onnx._internal.exporter._registration")


def export_module(module: nn.Module, shape: tuple[int, ...], output: str) -> "ModelProto":
    """Return a module as a model with the input "X", of any number of rows.

    Parameters
    ----------
    module : nn.Module
        Maps rows to rows, in float32, on the CPU. It is put in evaluation mode.
    shape : tuple of int
        Of a row.
    output : str
        Name of the output.
    """
    # were it a single row, torch would take their number for a constant
    rows = torch.zeros(2, *shape)
    with ONE_AT_A_TIME, _quiet_about_torchvision():
        program: Any = torch.onnx.export(
            module.eval().requires_grad_(False),
            (rows,),
            dynamo=True,
            verbose=False,
            input_names=["X"],
            output_names=[output],
            dynamic_shapes=({0: torch.export.Dim("n_samples")},),
            opset_version=OPSET,
        )
    return _stripped(program.model_proto)


def _stripped(model: "ModelProto") -> "ModelProto":
    """Return a model without what torch notes beside it: paths of sources, among others."""
    from onnx.helper import find_min_ir_version_for

    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.input, *graph.output, *graph.node, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.ir_version = find_min_ir_version_for(list(model.opset_import))
    return model


@contextmanager
def _quiet_about_torchvision() -> Iterator[None]:
    """Hold back what torch logs in this thread of operators that it skips."""
    thread = get_ident()

    def keep(record: logging.LogRecord) -> bool:
        return record.thread != thread or "torchvision is not installed" not in record.getMessage()

    LOGGER.addFilter(keep)
    try:
        yield
    finally:
        LOGGER.removeFilter(keep)
