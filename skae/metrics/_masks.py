"""Agreement of masks: the overlap of regions with the same label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from skae._arrays import as_numpy
from skae._types import Predictor


def dice(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    background: object = 0,
    ignore_index: object = None,
) -> float:
    """Return the mean Dice coefficient of masks.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, height, width) or (n_samples, ...)
        The true label of every pixel.
    y_pred : array-like of the shape of `y_true`
        Predicted labels.
    labels : sequence or None, default=None
        The labels whose regions are compared. None takes all labels in both masks except
        `background`.
    background : object, default=0
        The label to leave out if `labels` is None. None leaves out none.
    ignore_index : object or None, default=None
        Pixels with this label in `y_true` are left out.

    Returns
    -------
    dice : float
        In [0, 1]. For a label with the true region A and the predicted region B, the coefficient
        is ``2 |A and B| / (|A| + |B|)`` [1]_, the F1 score of its pixels. It is averaged over the
        labels that an image has in A or B, and then over the images. An image without any of the
        labels counts as 1.

    Raises
    ------
    ValueError
        If the shapes differ, if labels are not whole numbers, or if no mask has any of `labels`.

    References
    ----------
    .. [1] Dice (1945). Measures of the amount of ecologic association between species. Ecology
       26(3).

    Examples
    --------
    >>> from skae.metrics import dice
    >>> dice([[0, 1, 1, 0]], [[0, 1, 1, 1]])
    0.8
    """
    return _mean_overlap(_compute_dice, y_true, y_pred, labels, background, ignore_index)


def iou(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    background: object = 0,
    ignore_index: object = None,
) -> float:
    """Return the mean intersection over union of masks.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, height, width) or (n_samples, ...)
        The true label of every pixel.
    y_pred : array-like of the shape of `y_true`
        Predicted labels.
    labels : sequence or None, default=None
        The labels whose regions are compared. None takes all labels in both masks except
        `background`.
    background : object, default=0
        The label to leave out if `labels` is None. None leaves out none.
    ignore_index : object or None, default=None
        Pixels with this label in `y_true` are left out.

    Returns
    -------
    iou : float
        In [0, 1]. For a label with the true region A and the predicted region B, it is
        ``|A and B| / |A or B|``, the Jaccard index [1]_. It is averaged over the labels that an
        image has in A or B, and then over the images. An image without any of the labels counts
        as 1.

    Raises
    ------
    ValueError
        If the shapes differ, if labels are not whole numbers, or if no mask has any of `labels`.

    References
    ----------
    .. [1] Jaccard (1912). The distribution of the flora in the alpine zone. New Phytologist 11(2).

    Examples
    --------
    >>> from skae.metrics import iou
    >>> iou([[0, 1, 1, 0]], [[0, 1, 1, 1]])  # doctest: +ELLIPSIS
    0.666...
    """
    return _mean_overlap(_compute_iou, y_true, y_pred, labels, background, ignore_index)


def dice_scorer(estimator: Predictor, X: ArrayLike, y: ArrayLike) -> float:
    """Score predicted masks by `dice`.

    Parameters
    ----------
    estimator : fitted estimator
        Has `predict`.
    X : array-like of shape (n_samples, ...)
        Input of `predict`.
    y : array-like of shape (n_samples, ...)
        True masks. Pixels with the estimator's `ignore_index`, if it has one, are left out. To
        compare one label only, or to ignore pixels with a Pipeline, use
        ``make_scorer(dice, labels=[1])`` or ``make_scorer(dice, ignore_index=255)``.

    Returns
    -------
    score : float
        In [0, 1], the higher the better.
    """
    return dice(y, estimator.predict(X), ignore_index=getattr(estimator, "ignore_index", None))


def iou_scorer(estimator: Predictor, X: ArrayLike, y: ArrayLike) -> float:
    """Score predicted masks by `iou`.

    Parameters
    ----------
    estimator : fitted estimator
        Has `predict`.
    X : array-like of shape (n_samples, ...)
        Input of `predict`.
    y : array-like of shape (n_samples, ...)
        True masks. Pixels with the estimator's `ignore_index`, if it has one, are left out. To
        compare one label only, or to ignore pixels with a Pipeline, use
        ``make_scorer(iou, labels=[1])`` or ``make_scorer(iou, ignore_index=255)``.

    Returns
    -------
    score : float
        In [0, 1], the higher the better.
    """
    return iou(y, estimator.predict(X), ignore_index=getattr(estimator, "ignore_index", None))


def _compute_dice(common: NDArray, n_true: NDArray, n_pred: NDArray) -> NDArray:
    # at least 1, for images without the label, which are not counted
    return 2 * common / np.maximum(n_true + n_pred, 1)


def _compute_iou(common: NDArray, n_true: NDArray, n_pred: NDArray) -> NDArray:
    return common / np.maximum(n_true + n_pred - common, 1)


def _mean_overlap(
    compute_overlap: Callable[[NDArray, NDArray, NDArray], NDArray],
    y_true: ArrayLike,
    y_pred: ArrayLike,
    labels: Sequence[object] | None,
    background: object,
    ignore_index: object,
) -> float:
    """Return the overlap averaged over the labels of every image, and over the images.

    `compute_overlap` gets the number of pixels with a label in both masks, in the true one and in
    the predicted one, each of shape (n,).
    """
    true, predicted = _check_masks(y_true, y_pred)
    counts = np.ones(true.shape, dtype=bool) if ignore_index is None else true != ignore_index
    found = np.union1d(true[counts], predicted[counts]).tolist()
    labels = _check_labels(labels, found, background)
    total, n_present = np.zeros(len(true)), np.zeros(len(true))
    # masks have shape (n, n_pixels), and the sums below have shape (n,)
    for label in labels:
        a, b = (true == label) & counts, (predicted == label) & counts
        common, n_true, n_pred = (mask.sum(axis=1) for mask in (a & b, a, b))
        total += compute_overlap(common, n_true, n_pred)
        n_present += n_true + n_pred > 0
    return float(np.where(n_present > 0, total / np.maximum(n_present, 1), 1.0).mean())


def _check_labels(
    labels: Sequence[object] | None, found: list[object], background: object
) -> list[object]:
    """Return the labels to compare, without duplicates."""
    if labels is None:
        return [label for label in found if background is None or label != background]
    if isinstance(labels, str) or not np.iterable(labels):
        raise ValueError(f"labels must be None or a list, such as [1, 2]. Got {labels!r} instead.")
    wanted = np.unique(np.asarray(labels)).tolist()
    if not set(wanted) & set(found):
        raise ValueError(
            f"None of labels={wanted} is in y_true or y_pred, which have {found[:5]}"
            f"{'...' if len(found) > 5 else ''}."
        )
    return wanted


def _check_masks(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return both masks as arrays of labels, of shape (n, n_pixels)."""
    true, predicted = (
        check_array(as_numpy(y), dtype=None, allow_nd=True, input_name=name)
        for name, y in (("y_true", y_true), ("y_pred", y_pred))
    )
    if true.shape != predicted.shape:
        raise ValueError(
            f"y_true has the shape {true.shape}, but y_pred {predicted.shape}. Both must be the "
            "same."
        )
    for name, masks in ("y_true", true), ("y_pred", predicted):
        if masks.dtype.kind == "f" and (masks != np.rint(masks)).any():
            raise ValueError(
                f"{name} has numbers with a fraction, which are no labels. Give the output of "
                "predict instead of predict_proba."
            )
    return true.reshape(len(true), -1), predicted.reshape(len(predicted), -1)
