"""Models of ONNX by themselves, and what making them leaves behind: nothing."""

import logging
import warnings

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae.export import to_onnx


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


def test_nothing_is_printed_and_nothing_else_changes(small, iris, capfd):
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]

    def look():
        return [logger.level for logger in loggers], list(warnings.filters)

    before, codes = look(), small.transform(iris)
    to_onnx(small, method="reconstruct")
    assert capfd.readouterr() == ("", "")
    assert look() == before
    np.testing.assert_array_equal(small.transform(iris), codes)
