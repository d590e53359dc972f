"""Models of ONNX by themselves, and what making them leaves behind: nothing."""

import logging
import warnings
from threading import Thread, current_thread

import numpy as np
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae.export import to_onnx
from skae.export._module import LOGGER


def test_any_number_of_rows_and_operators_that_old_runtimes_know(small):
    model = to_onnx(small)
    (rows,), (codes,) = model.graph.input, model.graph.output
    dims = [end.type.tensor_type.shape.dim for end in (rows, codes)]
    assert [[dim.dim_param or dim.dim_value for dim in shape] for shape in dims] == [
        ["n_samples", 4], ["n_samples", 2],
    ]  # fmt: skip
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    assert model.ir_version == 8


def test_two_exports_are_equal_and_tell_nothing_of_this_machine(small, iris):
    pipeline = make_pipeline(StandardScaler(), small).fit(iris)
    raw, again = (to_onnx(pipeline).SerializeToString() for _ in range(2))
    assert raw == again
    for word in (__file__, skae.__file__, "torch/", ".py"):
        assert word.encode() not in raw


def _look():
    names = ("torch.onnx", "onnxscript", "onnx_ir", LOGGER.name)
    loggers = [logging.getLogger(name) for name in names]
    return [(logger.level, list(logger.filters)) for logger in loggers], list(warnings.filters)


def test_nothing_is_printed_and_nothing_else_changes(small, iris, capfd):
    before, codes = _look(), small.transform(iris)
    to_onnx(small, method="reconstruct")
    assert capfd.readouterr() == ("", "")
    assert _look() == before
    np.testing.assert_array_equal(small.transform(iris), codes)


def test_other_threads_see_nothing_of_an_export(small, monkeypatch, caplog):
    """Neither filters of warnings nor levels change meanwhile, and messages of others are kept."""
    seen = []
    export = torch.onnx.export

    def spying(*args, **kwargs):
        thread = Thread(target=log)
        thread.start()
        thread.join()
        log()
        return export(*args, **kwargs)

    def log():
        levels = [level for level, _ in _look()[0]]
        seen.append((levels, list(warnings.filters)))
        LOGGER.warning("torchvision is not installed. Skipping %s", current_thread().name)

    levels, filters = [level for level, _ in _look()[0]], list(warnings.filters)
    monkeypatch.setattr(torch.onnx, "export", spying)
    to_onnx(small)
    assert seen == [(levels, filters)] * 2
    messages = [record for record in caplog.records if record.name == LOGGER.name]
    assert [record.threadName == current_thread().name for record in messages] == [False]
