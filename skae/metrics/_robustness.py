"""The accuracy of classifiers on rows that are perturbed to mislead them."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    column_or_1d,
    gen_batches,
)
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skae._arrays import as_numpy
from skae._types import Classifier, Seed
from skae.metrics._differentiable import find_logits

BATCH = 256
OVERSHOOT = 2.5
"""Length of all steps together, as a multiple of `epsilon`; 2 suffice from corner to corner."""

Attack = Literal["fgsm", "pgd", "universal"]


def adversarial_accuracy(
    estimator: Classifier,
    X: ArrayLike,
    y: ArrayLike,
    *,
    attack: Attack = "fgsm",
    epsilon: float,
    n_steps: int = 7,
    clip: tuple[float, float] | None = None,
    random_state: Seed = None,
) -> float:
    """Return the accuracy of a classifier on rows that are perturbed to mislead it.

    Parameters
    ----------
    estimator : fitted classifier
        A classifier that gives gradients, see :func:`adversarial_examples`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows or images.
    y : array-like of shape (n_samples,)
        The true class of every row.
    attack : {"fgsm", "pgd", "universal"}, default="fgsm"
        One step along the sign of the gradient, several such steps, or several steps for one
        perturbation that is added to all rows.
    epsilon : float
        Largest change of a feature, in units of X: 8 / 255 is common for images in [0, 1].
    n_steps : int, default=7
        Number of steps of "pgd" and "universal".
    clip : tuple of (float, float), default=None
        The range to which perturbed features are limited, such as (0, 1).
    random_state : int, RandomState instance or None, default=None
        Draws the point at which "pgd" starts. Pass an int for reproducible results.

    Returns
    -------
    accuracy : float
        Share of the perturbed rows for which `predict` returns the class in y. ``epsilon=0`` gives
        the accuracy on X itself.

    Raises
    ------
    ValueError
        If an argument is not valid, or if the classifier gives no gradients.

    See Also
    --------
    adversarial_examples : The perturbed rows.

    Notes
    -----
    The result is an upper bound of the accuracy under the worst perturbation, since other attacks
    may find worse ones. It can show that one classifier is more robust than another if both are
    attacked in the same way. It cannot show that a classifier is robust.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skae import AutoencoderTransformer
    >>> from skae.metrics import adversarial_accuracy
    >>> X, y = load_digits(return_X_y=True)
    >>> features = AutoencoderTransformer(8, max_iter=5, random_state=0)
    >>> model = make_pipeline(features, LogisticRegression(max_iter=1000)).fit(X, y)
    >>> under_attack = adversarial_accuracy(model, X, y, epsilon=1, clip=(0, 16))
    >>> under_attack < adversarial_accuracy(model, X, y, epsilon=0)
    True
    """
    examples = adversarial_examples(
        estimator,
        X,
        y,
        attack=attack,
        epsilon=epsilon,
        n_steps=n_steps,
        clip=clip,
        random_state=random_state,
    )
    return float(accuracy_score(as_numpy(y), estimator.predict(examples)))


def adversarial_examples(
    estimator: Classifier,
    X: ArrayLike,
    y: ArrayLike,
    *,
    attack: Attack = "fgsm",
    epsilon: float,
    n_steps: int = 7,
    clip: tuple[float, float] | None = None,
    random_state: Seed = None,
) -> NDArray[np.float64]:
    """Return rows with small changes that mislead a classifier.

    Parameters
    ----------
    estimator : fitted classifier
        One of the following, or a fitted search for it: a classifier of this package whose network
        is `classifier_`; a linear classifier with `decision_function`, such as LogisticRegression;
        a Pipeline that ends in one of these. The other steps of a Pipeline must be linear, such as
        StandardScaler and PCA, or autoencoders whose `transform` is their `encoder_`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows or images.
    y : array-like of shape (n_samples,)
        The true class of every row.
    attack : {"fgsm", "pgd", "universal"}, default="fgsm"
        "fgsm" is a step of length `epsilon` along the sign of the gradient of the cross-entropy
        [1]_. "pgd" takes `n_steps` steps from a random point within `epsilon` of the row [2]_; the
        result is the point, among all on its way and that of "fgsm", where the logit of another
        class exceeds that of the true class the most. "universal" is one perturbation for all rows
        [3]_. Its steps follow the sign of the gradient of the summed loss of all rows that are not
        misled yet, and the result is the step at which the most rows are misled.
    epsilon : float
        Largest change of a feature, in units of X: 8 / 255 is common for images in [0, 1].
    n_steps : int, default=7
        Number of steps of "pgd" and "universal", each of length ``2.5 * epsilon / n_steps``.
    clip : tuple of (float, float), default=None
        The range to which perturbed features are limited, such as (0, 1).
    random_state : int, RandomState instance or None, default=None
        Draws the point at which "pgd" starts. Pass an int for reproducible results.

    Returns
    -------
    X_perturbed : ndarray of the shape of X
        In float64, at most `epsilon` from X in every feature.

    Raises
    ------
    ValueError
        If an argument is not valid, or if the classifier gives no gradients.

    See Also
    --------
    adversarial_accuracy : The accuracy on these rows.

    References
    ----------
    .. [1] Goodfellow, Shlens and Szegedy (2015). Explaining and harnessing adversarial examples.
       ICLR.
    .. [2] Madry, Makelov, Schmidt, Tsipras and Vladu (2018). Towards deep learning models resistant
       to adversarial attacks. ICLR.
    .. [3] Moosavi-Dezfooli, Fawzi, Fawzi and Frossard (2017). Universal adversarial perturbations.
       CVPR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skae.metrics import adversarial_examples
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(max_iter=3000).fit(X, y)
    >>> examples = adversarial_examples(model, X, y, attack="universal", epsilon=1, n_steps=3)
    >>> float(abs(examples - X).max()), float((examples - X).std(axis=0).max()) < 1e-9
    (1.0, True)
    """
    check_is_fitted(estimator)
    _check_sizes(attack, epsilon, n_steps)
    images = check_array(as_numpy(X), dtype=np.float64, allow_nd=True, input_name="X")
    labels = column_or_1d(as_numpy(y))
    check_consistent_length(images, labels)
    low, high = _read_range(clip, images)
    logits = find_logits(estimator, images)
    # modules take flattened rows, of shape (n, n_features)
    x = torch.from_numpy(images.reshape(len(images), -1))
    places = torch.from_numpy(_compute_places(labels, np.asarray(as_numpy(estimator.classes_))))

    def limit(points: Tensor) -> Tensor:
        """Return the nearest points within `epsilon` of x and within `clip`."""
        return points.clamp(x - epsilon, x + epsilon).clamp(low, high)

    if attack == "fgsm":
        found = _take_step(logits, x, places, epsilon, limit)
    elif attack == "pgd":
        noise = check_random_state(random_state).uniform(-epsilon, epsilon, x.shape)
        found = _take_steps(logits, x, places, torch.from_numpy(noise), epsilon, n_steps, limit)
    else:
        found = _share_steps(logits, x, places, epsilon, n_steps, limit)
    return found.numpy().reshape(images.shape)


def _take_step(
    logits: nn.Module,
    points: Tensor,
    places: Tensor,
    size: float,
    limit: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the points after one step along the sign of the gradient."""
    gradient, _ = _examine(logits, points, places)
    return limit(points + size * gradient.sign())


def _take_steps(
    logits: nn.Module,
    x: Tensor,
    places: Tensor,
    noise: Tensor,
    epsilon: float,
    n_steps: int,
    limit: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return, for every row, the point with the smallest margin among those of several steps."""
    gradient, best_margin = _examine(logits, x, places)
    best = x
    paths = [(limit(x + epsilon * gradient.sign()), 0), (limit(x + noise), n_steps)]
    # the first path is "fgsm", so that "pgd" is never weaker than it
    for points, n_left in paths:
        for i in range(n_left + 1):
            gradient, margin = _examine(logits, points, places)
            is_better = margin < best_margin
            best = torch.where(is_better[:, None], points, best)
            best_margin = torch.where(is_better, margin, best_margin)
            if i < n_left:
                points = limit(points + OVERSHOOT * epsilon / n_steps * gradient.sign())
    return best


def _share_steps(
    logits: nn.Module,
    x: Tensor,
    places: Tensor,
    epsilon: float,
    n_steps: int,
    limit: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return all rows with the shared perturbation of the step that misleads the most rows."""
    # shape (1, n_features), broadcast over the rows
    change = torch.zeros_like(x[:1])
    best, fewest = x, len(x) + 1
    for _ in range(n_steps + 1):
        points = limit(x + change)
        gradient, margin = _examine(logits, points, places)
        is_right = margin > 0
        if is_right.sum() < fewest:
            best, fewest = points, int(is_right.sum())
        # rows that are misled already have no part in the step
        step = (gradient * is_right[:, None]).sum(0, keepdim=True).sign()
        change = (change + OVERSHOOT * epsilon / n_steps * step).clamp(-epsilon, epsilon)
    return best


def _examine(logits: nn.Module, points: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the cross-entropy and the margins of the true class.

    Parameters
    ----------
    logits : nn.Module
    points : Tensor of shape (n, n_features)
    places : Tensor of shape (n,)
        Indices of the true classes.

    Returns
    -------
    gradients : Tensor of shape (n, n_features)
    margins : Tensor of shape (n,)
        Logit of the true class less the largest of the others; negative if the row is misled.
    """
    gradients, margins = [], []
    for rows in gen_batches(len(points), BATCH):
        x = points[rows].detach().requires_grad_()
        output = logits(x)
        # a sum, so that the gradient of a row does not depend on its batch
        loss = cross_entropy(output, places[rows], reduction="sum")
        gradients.append(torch.autograd.grad(loss, x)[0])
        right = places[rows, None]
        # the largest logit without that of the true class, shape (n,)
        others = output.detach().scatter(1, right, -torch.inf).amax(1)
        margins.append(output.detach().gather(1, right)[:, 0] - others)
    return torch.cat(gradients), torch.cat(margins)


def _compute_places(y: NDArray, classes: NDArray) -> NDArray[np.int64]:
    """Return the index of every label in the sorted classes."""
    if not np.isin(y, classes).all():
        unknown = sorted(set(y.tolist()) - set(classes.tolist()))
        raise ValueError(
            f"y has labels that the estimator was not fitted to: {unknown}. Its classes are "
            f"{classes.tolist()}."
        )
    return np.searchsorted(classes, y)


def _check_sizes(attack: object, epsilon: object, n_steps: object) -> None:
    if attack not in ("fgsm", "pgd", "universal"):
        raise ValueError(f"attack must be 'fgsm', 'pgd' or 'universal'. Got {attack!r} instead.")
    if not isinstance(epsilon, Real) or not 0 <= float(epsilon) < np.inf:
        raise ValueError(f"epsilon must be a finite number of at least 0. Got {epsilon!r} instead.")
    if not isinstance(n_steps, Integral) or isinstance(n_steps, bool) or n_steps < 1:
        raise ValueError(f"n_steps must be an int of at least 1. Got {n_steps!r} instead.")


def _read_range(clip: tuple[float, float] | None, X: NDArray) -> tuple[float, float]:
    if clip is None:
        return -np.inf, np.inf
    limits = np.asarray(clip, dtype=np.float64)
    if limits.shape != (2,) or not limits[0] < limits[1]:
        raise ValueError(f"clip must be None or two numbers, low < high. Got {clip!r} instead.")
    low, high = limits.tolist()
    if X.min() < low or X.max() > high:
        raise ValueError(
            f"X has values from {X.min():.6g} to {X.max():.6g}, outside clip={clip!r}. Give a "
            "range that includes all values of X."
        )
    return low, high
