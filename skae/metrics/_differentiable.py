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
"""Largest difference between the output of a module and of its step, in standard deviations."""
ROUNDING = 1e-6
"""The same as a share of the largest output: modules have weights in float32."""


class _Leading(nn.Module):
    """Returns the first outputs of a module; for variational encoders, these are the means.

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
    """Makes logits of two classes from one decision value; the first class has logit 0."""

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape (n, 2) for decision values of shape (n, 1)."""
        return torch.cat([torch.zeros_like(x), x], 1)


def find_logits(estimator: object, X: NDArray) -> nn.Module:
    """Return a torch module, in float64, that maps flattened rows to a classifier's logits.

    Parameters
    ----------
    estimator : fitted classifier
        See :func:`skae.metrics.adversarial_examples`.
    X : array of shape (n_samples, ...)
        Rows on which the output of every module is compared with that of its step.

    Raises
    ------
    ValueError
        If a step is not linear and has no module of its own.
    """
    *steps, classifier = _steps_of(estimator)
    modules: list[nn.Module] = []
    for step in steps:
        modules.append(_make_module(step, step.transform, getattr(step, "encoder_", None), X))
        X = _dense(step.transform(X))
    if isinstance(getattr(classifier, "classifier_", None), nn.Module):
        # copied: the module is converted to float64 below, in place
        modules.append(deepcopy(classifier.classifier_))
    elif hasattr(classifier, "decision_function"):
        modules.append(_make_module(classifier, classifier.decision_function, None, X))
        if len(classifier.classes_) == 2:
            modules.append(_AgainstZero())
    else:
        raise _refusal(classifier)
    return nn.Sequential(*modules).double().requires_grad_(False)


def _steps_of(estimator: object) -> list[Any]:
    estimator = getattr(estimator, "best_estimator_", estimator)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [step for _, step in estimator.steps if step not in (None, "passthrough")]


def _make_module(
    step: object, apply: Callable[[NDArray], object], own: object, X: NDArray
) -> nn.Module:
    """Return a module with the output of a step: a copy of its own module, or a linear layer.

    Parameters
    ----------
    step : fitted estimator
        Named in the error.
    apply : callable
        Its method, such as `transform`.
    own : nn.Module or None
        Its module, if it has one.
    X : array of shape (n_samples, ...)
        Rows on which module and method are compared.
    """
    expected = _dense(apply(X)).reshape(len(X), -1)
    rows = torch.from_numpy(X.reshape(len(X), -1).astype(np.float64))
    if isinstance(own, nn.Module):
        module: nn.Module = _Leading(deepcopy(own), expected.shape[1])
    else:
        module = _read_layer(apply, X)
    with torch.no_grad():
        found = module.double()(rows).numpy()
    # a step that is not linear, or an encoder_ that is only a part of it, is noticed here
    allowed = TOLERANCE * expected.std() + ROUNDING * np.abs(expected).max()
    if found.shape != expected.shape or np.abs(found - expected).max() > allowed:
        raise _refusal(step)
    return module


def _read_layer(apply: Callable[[NDArray], object], X: NDArray) -> nn.Linear:
    """Return the linear layer that agrees with a function at zero and at all unit vectors."""
    row = X.shape[1:]
    n_features = int(np.prod(row))
    units = np.concatenate([np.zeros((1, n_features)), np.eye(n_features)])
    # one row of zeros gives the bias, and each unit vector gives the bias plus a column of weights
    bias, *columns = _dense(apply(units.reshape(-1, *row))).reshape(n_features + 1, -1)
    layer = nn.utils.skip_init(nn.Linear, n_features, len(bias), dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.stack(columns, axis=1) - bias[:, None]))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def _dense(output: Any) -> NDArray[np.float64]:
    return np.asarray(output.toarray() if issparse(output) else output, dtype=np.float64)


def _refusal(step: object) -> ValueError:
    return ValueError(
        f"{type(step).__name__} gives no gradients. Give a classifier of this package, a linear "
        "classifier, or a Pipeline that ends in one of them; its other steps must be linear, such "
        "as StandardScaler and PCA, or autoencoders whose transform is their encoder_."
    )
