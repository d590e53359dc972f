"""The public function `to_onnx`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skae.export._autoencoders import OUTPUTS, export_autoencoder, is_autoencoder
from skae.export._composites import convert
from skae.export._libraries import check_libraries
from skae.export._unwrapping import unwrap

if TYPE_CHECKING:
    from onnx import ModelProto

    from skae.export._composites import InitialTypes


def to_onnx(
    estimator: BaseEstimator,
    *,
    method: str = "transform",
    initial_types: InitialTypes | None = None,
) -> ModelProto:
    """Export a fitted estimator to an ONNX model.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder of this package, or a Pipeline, ColumnTransformer or FeatureUnion of
        autoencoders and estimators that `skl2onnx` knows, or a fitted search for one of these.

    method : {"transform", "inverse_transform", "reconstruct"}, default="transform"
        The method of an autoencoder to export: it encodes rows, decodes codes, or does both. For
        other estimators, "transform" exports `transform` or `predict`, and the other two are not
        available.

    initial_types : list of (str, type), default=None
        Names and types of the inputs, as for `skl2onnx.convert_sklearn`. Needed for a Pipeline or
        ColumnTransformer whose columns have several types. None: one float32 input "X" with the
        row shape of fit.

    Returns
    -------
    model : onnx.ModelProto
        The model, for any number of rows. Outputs of autoencoders are "codes", "X_original" or
        "X_reconstructed" in float32. Outputs of classifiers are the arrays "label" and
        "probabilities". Other outputs have the names of `skl2onnx`.

    Raises
    ------
    TypeError
        If neither skae nor `skl2onnx` can export the estimator or one of its steps, such as a
        subclass of an autoencoder.
    ValueError
        If `method` has another value, or is not available for this estimator; if categories are
        strings and `initial_types` is None; or if ``transform_algorithm="omp"``.
    NotFittedError
        If the estimator is not fitted.
    ImportError
        If onnx, onnxscript or skl2onnx is not installed.

    Notes
    -----
    The model computes in float32 and does not check its input. For rows that `transform` refuses,
    such as rows with missing values or unknown categories, its results are meaningless. Codes are
    dense, even with ``sparse_output=True``. A conditional :class:`~skae.VAETransformer` averages
    over the classes, as it does without y.

    If two atoms of a top-k coder explain a row equally well, or if a value is equal to a threshold,
    rounding errors decide, and the model may decide differently from Python.

    During an export, torch may give a FutureWarning about its class `LeafSpec`, which can be
    ignored. Messages that torch logs about torchvision, which is not needed, are dropped in the
    calling thread. Exports in several threads run one after the other, since torch replaces some of
    its own functions during an export.

    Examples
    --------
    >>> from onnxruntime import InferenceSession
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import AutoencoderTransformer
    >>> from skae.export import to_onnx
    >>> X = load_iris().data.astype("float32")
    >>> autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0)
    >>> model = to_onnx(make_pipeline(StandardScaler(), autoencoder).fit(X))
    >>> (codes,) = InferenceSession(model.SerializeToString()).run(None, {"X": X})
    >>> codes.shape
    (150, 2)
    """
    if method not in OUTPUTS:
        raise ValueError(f"method must be one of {', '.join(OUTPUTS)}. Got {method!r} instead.")
    check_is_fitted(estimator)
    estimator = unwrap(estimator)
    check_libraries()
    if not is_autoencoder(estimator):
        _check_whole(estimator, method)
        return convert(estimator, initial_types)
    if initial_types is not None:
        raise ValueError(
            "initial_types is for Pipelines and other compositions. An autoencoder has the input X "
            "in float32. Leave initial_types out."
        )
    return export_autoencoder(estimator, method)


def _check_whole(estimator: BaseEstimator, method: str) -> None:
    if method != "transform":
        raise ValueError(
            f"method={method!r} is for autoencoders. A {type(estimator).__name__} is exported with "
            "its method transform or predict. Export the autoencoder in it separately."
        )
