"""Fitted classifiers as torch modules, through which losses have gradients."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

TOLERANCE = 1e-3
"""By how much of its spread a module's output may differ from that of the step it stands for."""
ROUNDING = 1e-6
"""The same, by how much of its largest entry: modules have weights of single precision."""


class _Leading(nn.Module):
    """The first outputs of a module: of variational encoders, the means.

    Parameters
    ----------
    module : nn.Module
    n_outputs : int
    """

    def __init__(self, module: nn.Module, n_outputs: int) -> None:
        super().__init__()
        self.module = module
        self.n_outputs = n_outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs of shape (n, n_outputs)."""
        output: Tensor = self.module(x)
        return output[:, : self.n_outputs]


class _AgainstZero(nn.Module):
    """The logits of two classes of which one number tells: those of the first are zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape (n, 2) for numbers of shape (n, 1)."""
        return torch.cat([torch.zeros_like(x), x], 1)


def find_logits(estimator: Any, X: NDArray) -> nn.Module:
    """Return a classifier as a module from flattened rows to logits, in float64.

    Parameters
    ----------
    estimator : fitted classifier
        See :func:`skae.metrics.adversarial_examples`.
    X : array of shape (n_samples, ...)
        Rows on which modules are held against the steps that they stand for.

    Raises
    ------
    ValueError
        If a step is not linear, and has no module.
    """
    *steps, classifier = _steps_of(estimator)
    modules: list[nn.Module] = []
    for step in steps:
        modules.append(_find_module(step, step.transform, getattr(step, "encoder_", None), X))
        X = _dense(step.transform(X))
    if isinstance(getattr(classifier, "classifier_", None), nn.Module):
        modules.append(deepcopy(classifier.classifier_))
    elif hasattr(classifier, "decision_function"):
        modules.append(_find_module(classifier, classifier.decision_function, None, X))
        if len(classifier.classes_) == 2:
            modules.append(_AgainstZero())
    else:
        raise _refusal(classifier)
    return nn.Sequential(*modules).double().requires_grad_(False)


def _steps_of(estimator: Any) -> list[Any]:
    estimator = getattr(estimator, "best_estimator_", estimator)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [step for _, step in estimator.steps if step not in (None, "passthrough")]


def _find_module(step: Any, apply: Callable[[NDArray], Any], own: Any, X: NDArray) -> nn.Module:
    """Return what a step does as a module: its own, or a linear layer where it is linear."""
    expected = _dense(apply(X)).reshape(len(X), -1)
    rows = torch.from_numpy(X.reshape(len(X), -1).astype(np.float64))
    if isinstance(own, nn.Module):
        module: nn.Module = _Leading(deepcopy(own), expected.shape[1])
    else:
        module = _find_layer(apply, X)
    with torch.no_grad():
        found = module.double()(rows).numpy()
    allowed = TOLERANCE * expected.std() + ROUNDING * np.abs(expected).max()
    if found.shape != expected.shape or np.abs(found - expected).max() > allowed:
        raise _refusal(step)
    return module


def _find_layer(apply: Callable[[NDArray], Any], X: NDArray) -> nn.Linear:
    """Return the linear layer that says the same of zero and of unit vectors."""
    row = X.shape[1:]
    n_features = int(np.prod(row))
    units = np.concatenate([np.zeros((1, n_features)), np.eye(n_features)])
    bias, *columns = _dense(apply(units.reshape(-1, *row))).reshape(n_features + 1, -1)
    layer = nn.utils.skip_init(nn.Linear, n_features, len(bias), dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.stack(columns, axis=1) - bias[:, None]))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def _dense(output: Any) -> NDArray[np.float64]:
    return np.asarray(output.toarray() if issparse(output) else output, dtype=np.float64)


def _refusal(step: Any) -> ValueError:
    return ValueError(
        f"{type(step).__name__} gives no gradients. Wanted are classifiers of this package, linear "
        "classifiers, and Pipelines of them behind linear steps, such as StandardScaler and PCA, "
        "and autoencoders whose transform is their encoder_."
    )
