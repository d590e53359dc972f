"""Pipelines and all else that scikit-learn builds of estimators, as models of ONNX."""

from functools import partial
from typing import TYPE_CHECKING, Any

from sklearn.base import is_classifier
from sklearn.pipeline import FeatureUnion, Pipeline

from skae.export._autoencoders import (
    AUTOENCODERS,
    export_autoencoder,
    find_row_shape,
    is_autoencoder,
)
from skae.export._module import OPSET
from skae.export._unwrapping import by_position, parts_of

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto

DOMAIN = "skae"
"""Where functions are before they are inlined."""
ML_OPSET = 3
"""Version of the operators for scikit-learn's models: that of the time of `OPSET`."""


def convert(estimator: Any, initial_types: Any) -> "ModelProto":
    """Return a fitted estimator as a model of ONNX.

    skl2onnx converts it, with a call of a function for every autoencoder in it. These functions,
    which are exported by torch, are inlined in the end.

    Parameters
    ----------
    estimator : estimator
    initial_types : list of (str, type) or None

    Raises
    ------
    TypeError
        If a step is known neither here nor to skl2onnx.
    ValueError
        If an autoencoder cannot be exported, or if the inputs are not known.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    functions: list[FunctionProto] = []
    if initial_types is None:
        _check_numbers(estimator)
        estimator, initial_types = by_position(estimator), _find_types(estimator)
    try:
        model = convert_sklearn(
            estimator,
            type(estimator).__name__,
            initial_types,
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
            custom_conversion_functions=dict.fromkeys(AUTOENCODERS, partial(_add_call, functions)),
            custom_shape_calculators=dict.fromkeys(AUTOENCODERS, _set_type),
            # probabilities as an array, not as a dict for every row
            options={"zipmap": False} if is_classifier(estimator) else None,
        )
    except (MissingConverter, MissingShapeCalculator) as error:
        raise TypeError(
            f"{type(estimator).__name__} cannot be exported: it is, or has in it, an estimator "
            f"that neither skae nor skl2onnx can export. {str(error).splitlines()[0]}"
        ) from error
    return _inlined(model, functions)


def _check_numbers(estimator: Any) -> None:
    """Raise ValueError if a part of the estimator was fitted to strings."""
    for part in parts_of(estimator):
        _check_numbers(part)
    categories = getattr(estimator, "categories_", ())
    if any(isinstance(category, str) for column in categories for category in column):
        raise ValueError(
            f"{type(estimator).__name__} was fitted to strings, but a single input of float32 has "
            "none. Give initial_types, as for skl2onnx.convert_sklearn, with a StringTensorType."
        )


def _find_types(estimator: Any) -> list[tuple[str, Any]]:
    """Return a single input, rows as they were in fit."""
    from skl2onnx.common.data_types import FloatTensorType

    return [("X", FloatTensorType([None, *_find_shape(estimator)]))]


def _find_shape(estimator: Any) -> tuple[int, ...]:
    if is_autoencoder(estimator):
        return find_row_shape(estimator)
    if isinstance(estimator, Pipeline):
        return _find_shape(estimator.steps[0][1])
    if isinstance(estimator, FeatureUnion):
        return _find_shape(estimator.transformer_list[0][1])
    if not hasattr(estimator, "n_features_in_"):
        raise ValueError(
            f"The inputs of {type(estimator).__name__} are not known. Give initial_types, as for "
            "skl2onnx.convert_sklearn."
        )
    return (estimator.n_features_in_,)


def _set_type(operator: Any) -> None:
    """Tell skl2onnx what an autoencoder returns."""
    from skl2onnx.common.data_types import FloatTensorType

    shape = [None, operator.raw_operator.n_components_]
    operator.outputs[0].type = FloatTensorType(shape)


def _add_call(functions: "list[FunctionProto]", scope: Any, operator: Any, container: Any) -> None:
    """Add the call of an autoencoder's function to skl2onnx's graph, and the function to a list."""
    name = scope.get_unique_operator_name(type(operator.raw_operator).__name__)
    functions.append(_make_function(operator.raw_operator, name))
    (codes,) = operator.outputs
    rows = _find_rows(scope, operator, container)
    container.add_node(name, [rows], [codes.full_name], DOMAIN, 1, name=name)


def _find_rows(scope: Any, operator: Any, container: Any) -> str:
    """Return the name of what an autoencoder is given: all columns, in float32."""
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


def _make_function(autoencoder: Any, name: str) -> "FunctionProto":
    """Return an autoencoder as a function from "X" to codes; its weights are constants."""
    from onnx.helper import make_function, make_node

    model = export_autoencoder(autoencoder, "transform")
    graph = model.graph
    weights = [make_node("Constant", [], [w.name], value=w) for w in graph.initializer]
    ends = [graph.input[0].name], [graph.output[0].name]
    return make_function(DOMAIN, name, *ends, [*weights, *graph.node], model.opset_import)


def _inlined(model: "ModelProto", functions: "list[FunctionProto]") -> "ModelProto":
    """Return a model with the nodes of functions in the place of their calls."""
    from onnx.helper import make_opsetid
    from onnx.inliner import inline_local_functions

    versions = {opset.domain: opset.version for opset in model.opset_import}
    # what skl2onnx took for older versions holds up to this one, which the functions need
    versions[""] = OPSET
    versions.pop(DOMAIN, None)
    del model.opset_import[:]
    model.opset_import.extend(make_opsetid(*version) for version in sorted(versions.items()))
    model.functions.extend(functions)
    return inline_local_functions(model)
