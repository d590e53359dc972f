"""Fitted autoencoders, and what is built with them, as models of ONNX."""

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from skae.export._autoencoders import OUTPUTS, export_autoencoder, is_autoencoder
from skae.export._composites import convert
from skae.export._libraries import check_libraries
from skae.export._unwrapping import unwrapped

if TYPE_CHECKING:
    from onnx import ModelProto


def to_onnx(
    estimator: Any, *, method: str = "transform", initial_types: list[tuple[str, Any]] | None = None
) -> "ModelProto":
    """Return a fitted estimator as a model of ONNX.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder of this package, a search around one, or whatever scikit-learn builds
        with them of steps that `skl2onnx` knows: Pipeline, ColumnTransformer, FeatureUnion.

    method : {"transform", "inverse_transform", "reconstruct"}, default="transform"
        What an autoencoder shall do: encode rows, decode codes, or both. Others only do what they
        do to new rows, which is to transform them or to predict.

    initial_types : list of (str, type), default=None
        Names and types of the inputs, as `skl2onnx.convert_sklearn` takes them, for a Pipeline or
        ColumnTransformer whose columns have several types. None: one input, "X", of float32, with
        rows as they were in fit.

    Returns
    -------
    model : onnx.ModelProto
        For any number of rows. Autoencoders give "codes", "X_original" or "X_reconstructed" in
        float32; classifiers "label" and "probabilities", as arrays; other names are those that
        `skl2onnx` gives.

    Raises
    ------
    TypeError
        If the estimator, or a step of it, is neither of this package nor known to `skl2onnx`; a
        subclass of an autoencoder is not.
    ValueError
        If `method` is none of the above, or none of this estimator; if categories are strings and
        `initial_types` is None; or with ``transform_algorithm="omp"``.
    NotFittedError
        If it is not fitted.
    ImportError
        If onnx, onnxscript or skl2onnx is not installed.

    Notes
    -----
    The model computes in float32. It checks nothing: where `transform` refuses rows (missing
    values, categories that are not known), its results mean nothing. Codes are dense, with
    ``sparse_output=True`` too. A conditional :class:`~skae.VAETransformer` averages over the
    classes, as it does without y.

    Where two atoms of a top-k coder explain a row equally well, or a threshold is just met, a
    rounding decides, and may decide otherwise than in Python.

    While it exports, torch may give a FutureWarning about `LeafSpec`, a class of its own: nothing
    needs to be done. What it logs of torchvision, which is not needed, is held back, in the thread
    of the call alone. Several exports at once wait for each other, since torch replaces functions
    of its own meanwhile.

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
    estimator = unwrapped(estimator)
    check_libraries()
    if not is_autoencoder(estimator):
        _check_whole(estimator, method)
        return convert(estimator, initial_types)
    if initial_types is not None:
        raise ValueError(
            "initial_types is for Pipelines and the like. The input of an autoencoder is X, in "
            "float32."
        )
    return export_autoencoder(estimator, method)


def _check_whole(estimator: Any, method: str) -> None:
    if method != "transform":
        raise ValueError(
            f"method={method!r} is for autoencoders. A {type(estimator).__name__} is exported by "
            "what it does to new rows. Export the autoencoder in it by itself."
        )
