"""Metrics and scorers for reconstructions, and for predictions that are images.

Metrics of reconstructions compare PCA, autoencoders and Pipelines of either on equal terms: rows
go through ``transform`` and back through ``inverse_transform``, and the result is compared with the
original rows in their own units. Their scorers are called as ``scorer(estimator, X)`` and need no
y, so that they can be the `scoring` of `sklearn.model_selection.GridSearchCV`.

`psnr`, `ssim` and `ab_error` compare predicted images with true ones, and `dice` and `iou` compare
masks. Their scorers are called as ``scorer(estimator, X, y)``.

`adversarial_accuracy` is the accuracy of a classifier on rows that are perturbed to mislead it.
"""

from skae.metrics._colors import ab_error, neg_ab_error_scorer
from skae.metrics._images import psnr, psnr_scorer, ssim, ssim_scorer
from skae.metrics._masks import dice, dice_scorer, iou, iou_scorer
from skae.metrics._reconstruction import (
    find_varying as find_varying,
)
from skae.metrics._reconstruction import (
    neg_reconstruction_error_scorer,
    neg_standardized_reconstruction_error_scorer,
    reconstruction_error,
    reconstruction_r2,
    reconstruction_r2_scorer,
    standardized_reconstruction_r2_scorer,
)
from skae.metrics._reconstruction import (
    score_name as score_name,
)
from skae.metrics._reconstruction import (
    there_and_back as there_and_back,
)
from skae.metrics._robustness import adversarial_accuracy, adversarial_examples

__all__ = [
    "ab_error",
    "adversarial_accuracy",
    "adversarial_examples",
    "dice",
    "dice_scorer",
    "iou",
    "iou_scorer",
    "neg_ab_error_scorer",
    "neg_reconstruction_error_scorer",
    "neg_standardized_reconstruction_error_scorer",
    "psnr",
    "psnr_scorer",
    "reconstruction_error",
    "reconstruction_r2",
    "reconstruction_r2_scorer",
    "ssim",
    "ssim_scorer",
    "standardized_reconstruction_r2_scorer",
]
