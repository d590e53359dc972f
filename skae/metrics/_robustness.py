"""How well classifiers do where rows are perturbed to mislead them."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal

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
from skae.metrics._differentiable import find_logits

BATCH = 256
OVERSHOOT = 2.5
"""How far all steps lead together, in sizes of the perturbation: from any corner to any other."""

Attack = Literal["fgsm", "pgd", "universal"]


def adversarial_accuracy(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    attack: Attack = "fgsm",
    epsilon: float,
    n_steps: int = 7,
    clip: tuple[float, float] | None = None,
    random_state: Any = None,
) -> float:
    """Return the accuracy of a classifier on rows that are perturbed to mislead it.

    Parameters
    ----------
    estimator : fitted classifier
        What gives gradients: see :func:`adversarial_examples`, which makes the rows.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows or images.
    y : array-like of shape (n_samples,)
        Their classes.
    attack : {"fgsm", "pgd", "universal"}, default="fgsm"
        One step along the sign of the gradient, several of them, or several for one perturbation
        that all rows share.
    epsilon : float
        Largest change of a feature, in units of X: 8 / 255 is common for images in [0, 1].
    n_steps : int, default=7
        Of "pgd" and "universal".
    clip : tuple of (float, float), default=None
        The range in which perturbed features must stay, such as (0, 1).
    random_state : int, RandomState instance or None, default=None
        Draws where "pgd" starts. Pass an int for the same result at every call.

    Returns
    -------
    accuracy : float
        Share of the perturbed rows that `predict` gives the class in y. ``epsilon=0`` gives that
        of X itself.

    Raises
    ------
    ValueError
        If an argument is not valid, or if the classifier gives no gradients.

    See Also
    --------
    adversarial_examples : The perturbed rows.

    Notes
    -----
    This is an upper bound of the accuracy under the worst perturbation: other attacks may find
    worse ones. That one classifier is more robust than another is seen if both are attacked alike;
    that it is robust is not shown by any of them.

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
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    attack: Attack = "fgsm",
    epsilon: float,
    n_steps: int = 7,
    clip: tuple[float, float] | None = None,
    random_state: Any = None,
) -> NDArray[np.float64]:
    """Return rows with small changes that mislead a classifier.

    Parameters
    ----------
    estimator : fitted classifier
        A classifier of this package that has its network as `classifier_`; a linear classifier
        with `decision_function`, such as LogisticRegression; or a Pipeline that ends in one of
        them, behind linear steps, such as StandardScaler and PCA, and autoencoders whose
        `transform` is their `encoder_`; or a search for one of these.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows or images.
    y : array-like of shape (n_samples,)
        Their classes.
    attack : {"fgsm", "pgd", "universal"}, default="fgsm"
        "fgsm" is a step of length `epsilon` along the sign of the gradient of the cross-entropy
        [1]_. "pgd" takes `n_steps` steps from a random point on, within `epsilon` of the row [2]_;
        of the points that it passes, and those of "fgsm", a row gets the one at which another
        class is ahead the most. "universal" is one perturbation for all rows [3]_, found by steps
        along the sign of the gradient of their summed loss, where rows that are misled already do
        not count; of all steps, the one at which the most rows are misled.
    epsilon : float
        Largest change of a feature, in units of X: 8 / 255 is common for images in [0, 1].
    n_steps : int, default=7
        Of "pgd" and "universal". A step is ``2.5 * epsilon / n_steps`` long.
    clip : tuple of (float, float), default=None
        The range in which perturbed features must stay, such as (0, 1).
    random_state : int, RandomState instance or None, default=None
        Draws where "pgd" starts. Pass an int for the same result at every call.

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
    x = torch.from_numpy(images.reshape(len(images), -1))
    places = torch.from_numpy(_find_places(labels, np.asarray(as_numpy(estimator.classes_))))

    def limit(points: Tensor) -> Tensor:
        """Return the nearest points that are allowed."""
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
    """Return points after a step along the sign of their gradients."""
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
    """Return, for every row, the point of several steps with the smallest margin."""
    gradient, best_margin = _examine(logits, x, places)
    best = x
    paths = [(limit(x + epsilon * gradient.sign()), 0), (limit(x + noise), n_steps)]
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
    """Return all rows with the perturbation of several steps that misleads the most."""
    change = torch.zeros_like(x[:1])
    best, fewest = x, len(x) + 1
    for _ in range(n_steps + 1):
        points = limit(x + change)
        gradient, margin = _examine(logits, points, places)
        is_right = margin > 0
        if is_right.sum() < fewest:
            best, fewest = points, int(is_right.sum())
        step = (gradient * is_right[:, None]).sum(0, keepdim=True).sign()
        change = (change + OVERSHOOT * epsilon / n_steps * step).clamp(-epsilon, epsilon)
    return best


def _examine(logits: nn.Module, points: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the cross-entropy, and by how much the right class is ahead.

    Parameters
    ----------
    logits : nn.Module
    points : Tensor of shape (n, n_features)
    places : Tensor of shape (n,)
        The right classes, by number.

    Returns
    -------
    gradients : Tensor of shape (n, n_features)
    margins : Tensor of shape (n,)
    """
    gradients, margins = [], []
    for rows in gen_batches(len(points), BATCH):
        x = points[rows].detach().requires_grad_()
        output = logits(x)
        loss = cross_entropy(output, places[rows], reduction="sum")
        gradients.append(torch.autograd.grad(loss, x)[0])
        right = places[rows, None]
        others = output.detach().scatter(1, right, -torch.inf).amax(1)
        margins.append(output.detach().gather(1, right)[:, 0] - others)
    return torch.cat(gradients), torch.cat(margins)


def _find_places(y: NDArray, classes: NDArray) -> NDArray[np.int64]:
    """Return the places of labels among the classes."""
    if not np.isin(y, classes).all():
        unknown = sorted(set(y.tolist()) - set(classes.tolist()))
        raise ValueError(
            f"y has labels that the estimator was not fitted to: {unknown}. Its classes are "
            f"{classes.tolist()}."
        )
    return np.searchsorted(classes, y)


def _check_sizes(attack: Any, epsilon: Any, n_steps: Any) -> None:
    if attack not in ("fgsm", "pgd", "universal"):
        raise ValueError(f"attack must be 'fgsm', 'pgd' or 'universal'. Got {attack!r} instead.")
    if not isinstance(epsilon, Real) or not 0 <= float(epsilon) < np.inf:
        raise ValueError(f"epsilon must be a finite number of at least 0. Got {epsilon!r} instead.")
    if not isinstance(n_steps, Integral) or isinstance(n_steps, bool) or n_steps < 1:
        raise ValueError(f"n_steps must be an int of at least 1. Got {n_steps!r} instead.")


def _read_range(clip: Any, X: NDArray) -> tuple[float, float]:
    if clip is None:
        return -np.inf, np.inf
    limits = np.asarray(clip, dtype=np.float64)
    if limits.shape != (2,) or not limits[0] < limits[1]:
        raise ValueError(f"clip must be None or two numbers, low < high. Got {clip!r} instead.")
    low, high = limits.tolist()
    if X.min() < low or X.max() > high:
        raise ValueError(
            f"X has values from {X.min():.6g} to {X.max():.6g}, beyond clip={clip!r}. Give the "
            "range in which X lies."
        )
    return low, high
