"""Export of Pipelines and other compositions of estimators to ONNX."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from sklearn.base import BaseEstimator, is_classifier
from sklearn.pipeline import FeatureUnion, Pipeline

from skae.export._autoencoders import (
    AUTOENCODERS,
    Autoencoder,
    export_autoencoder,
    find_row_shape,
    is_autoencoder,
)
from skae.export._module import OPSET
from skae.export._unwrapping import by_position, parts_of

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto
    from skl2onnx.common._container import ModelComponentContainer
    from skl2onnx.common._topology import Operator, Scope
    from skl2onnx.common.data_types import DataType

    InitialTypes: TypeAlias = list[tuple[str, DataType]]

DOMAIN = "skae"
"""Domain of the autoencoders' functions before they are inlined."""
ML_OPSET = 3
"""Version of the operators for classical models, from the same ONNX release as `OPSET`."""


def convert(estimator: BaseEstimator, initial_types: InitialTypes | None) -> ModelProto:
    """Export a fitted composition of estimators.

    skl2onnx converts it, with the call of a function in place of every autoencoder. torch exports
    these functions, and they are inlined at the end.

    Parameters
    ----------
    estimator : estimator
    initial_types : list of (str, type) or None
        Names and types of the inputs. None: a single input "X" in float32.

    Raises
    ------
    TypeError
        If neither skae nor skl2onnx can export a step.
    ValueError
        If an autoencoder cannot be exported, or if the inputs are not known.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    functions: list[FunctionProto] = []
    if initial_types is None:
        _check_numbers(estimator)
        estimator, initial_types = by_position(estimator), _choose_types(estimator)
    try:
        model = convert_sklearn(
            estimator,
            type(estimator).__name__,
            initial_types,
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
            custom_conversion_functions=dict.fromkeys(AUTOENCODERS, partial(_add_call, functions)),
            custom_shape_calculators=dict.fromkeys(AUTOENCODERS, _set_type),
            # zipmap would give probabilities as a dict per row instead of an array
            options={"zipmap": False} if is_classifier(estimator) else None,
        )
    except (MissingConverter, MissingShapeCalculator) as error:
        raise TypeError(
            f"{type(estimator).__name__} cannot be exported: it is, or contains, an estimator that "
            f"neither skae nor skl2onnx can export. {str(error).splitlines()[0]}"
        ) from error
    return _inline(model, functions)


def _check_numbers(estimator: BaseEstimator) -> None:
    """Raise ValueError if a part of the estimator was fitted to strings."""
    for part in parts_of(estimator):
        _check_numbers(part)
    categories = getattr(estimator, "categories_", ())
    if any(isinstance(category, str) for column in categories for category in column):
        raise ValueError(
            f"{type(estimator).__name__} was fitted to strings, but a single float32 input cannot "
            "have any. Give initial_types, as for skl2onnx.convert_sklearn, with a "
            "StringTensorType."
        )


def _choose_types(estimator: BaseEstimator) -> InitialTypes:
    """Return a single float32 input with the row shape of fit."""
    from skl2onnx.common.data_types import FloatTensorType

    # None: any number of rows
    return [("X", FloatTensorType([None, *_find_shape(estimator)]))]


def _find_shape(estimator: BaseEstimator) -> tuple[int, ...]:
    if is_autoencoder(estimator):
        return find_row_shape(estimator)
    if isinstance(estimator, Pipeline):
        return _find_shape(estimator.steps[0][1])
    if isinstance(estimator, FeatureUnion):
        return _find_shape(estimator.transformer_list[0][1])
    if not hasattr(estimator, "n_features_in_"):
        raise ValueError(
            f"The number of features of {type(estimator).__name__} is not known. Give "
            "initial_types, as for skl2onnx.convert_sklearn."
        )
    return (estimator.n_features_in_,)


def _set_type(operator: Operator) -> None:
    """Tell skl2onnx the type and shape of an autoencoder's output."""
    from skl2onnx.common.data_types import FloatTensorType

    shape = [None, operator.raw_operator.n_components_]
    operator.outputs[0].type = FloatTensorType(shape)


def _add_call(
    functions: list[FunctionProto],
    scope: Scope,
    operator: Operator,
    container: ModelComponentContainer,
) -> None:
    """Add the call of an autoencoder's function to skl2onnx's graph, and the function to a list."""
    # unique, since a Pipeline may have several autoencoders of a class
    name = scope.get_unique_operator_name(type(operator.raw_operator).__name__)
    functions.append(_make_function(operator.raw_operator, name))
    (codes,) = operator.outputs
    rows = _add_rows(scope, operator, container)
    container.add_node(name, [rows], [codes.full_name], DOMAIN, 1, name=name)


def _add_rows(scope: Scope, operator: Operator, container: ModelComponentContainer) -> str:
    """Cast and join the inputs of an autoencoder, and return the name of the result.

    A table whose columns have several types has several inputs.
    """
    from onnx import TensorProto
    from skl2onnx.common._apply_operation import apply_cast, apply_concat

    parts = [scope.get_unique_variable_name("rows") for _ in operator.inputs]
    for given, part in zip(operator.inputs, parts, strict=True):
        apply_cast(scope, given.full_name, part, container, to=TensorProto.FLOAT)
    if len(parts) == 1:
        return parts[0]
    rows = scope.get_unique_variable_name("rows")
    apply_concat(scope, parts, rows, container, axis=1)
    return rows


def _make_function(autoencoder: Autoencoder, name: str) -> FunctionProto:
    """Export an autoencoder to a function from "X" to codes."""
    from onnx.helper import make_function, make_node

    model = export_autoencoder(autoencoder, "transform")
    graph = model.graph
    # functions have no initializers, so that weights become constants
    weights = [make_node("Constant", [], [w.name], value=w) for w in graph.initializer]
    ends = [graph.input[0].name], [graph.output[0].name]
    return make_function(DOMAIN, name, *ends, [*weights, *graph.node], model.opset_import)


def _inline(model: ModelProto, functions: list[FunctionProto]) -> ModelProto:
    """Replace the calls of functions in a model by the nodes of the functions."""
    from onnx.helper import make_opsetid
    from onnx.inliner import inline_local_functions

    versions = {opset.domain: opset.version for opset in model.opset_import}
    # the functions need this version; nodes that skl2onnx chose for older ones are valid in it
    versions[""] = OPSET
    versions.pop(DOMAIN, None)
    del model.opset_import[:]
    model.opset_import.extend(make_opsetid(*version) for version in sorted(versions.items()))
    model.functions.extend(functions)
    return inline_local_functions(model)
