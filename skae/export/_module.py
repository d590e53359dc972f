"""Export of torch modules to ONNX."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
"""Version of ONNX's operators: the oldest one that torch exports to, for old runtimes."""
ONE_AT_A_TIME = Lock()
"""Held during an export, in which torch replaces some of its own functions for all threads."""
LOGGER = logging.getLogger("torch.onnx._internal.exporter._registration")


def export_module(module: nn.Module, shape: tuple[int, ...], output: str) -> ModelProto:
    """Export a module to a model with the input "X", for any number of rows.

    Parameters
    ----------
    module : nn.Module
        Maps rows to rows, in float32 and on the CPU. It is set to evaluation mode.
    shape : tuple of int
        Shape of a row.
    output : str
        Name of the output.
    """
    # two rows, since torch treats a dimension of size 1 as constant
    rows = torch.zeros(2, *shape)
    with ONE_AT_A_TIME, _quiet_about_torchvision():
        program = torch.onnx.export(
            module.eval().requires_grad_(False),
            (rows,),
            dynamo=True,
            verbose=False,
            input_names=["X"],
            output_names=[output],
            dynamic_shapes=({0: torch.export.Dim("n_samples")},),
            opset_version=OPSET,
        )
    # None is returned only without dynamo=True
    assert program is not None
    return _strip(program.model_proto)


def _strip(model: ModelProto) -> ModelProto:
    """Remove the notes of torch from a model, such as paths of source files."""
    from onnx.helper import find_min_ir_version_for

    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.input, *graph.output, *graph.node, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    # the oldest format with these operators, for old runtimes
    model.ir_version = find_min_ir_version_for(list(model.opset_import))
    return model


@contextmanager
def _quiet_about_torchvision() -> Iterator[None]:
    """Drop the log messages of this thread about operators of torchvision."""
    # other threads may export as well, and see their messages
    thread = get_ident()

    def keep(record: logging.LogRecord) -> bool:
        return record.thread != thread or "torchvision is not installed" not in record.getMessage()

    LOGGER.addFilter(keep)
    try:
        yield
    finally:
        LOGGER.removeFilter(keep)
