"""Linear decoders for any likelihood: generalised linear models of the data, given codes."""

import torch
from torch import Tensor

from skae.objectives import Likelihood

RIDGE = 1e-2
"""Precision of a normal prior on the coefficients. Without a prior, the coefficients of features
that a code predicts perfectly have no finite optimum."""


def regress(
    likelihood: Likelihood, codes: Tensor, target: Tensor, n_iter: int = 100
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the most probable generalised linear model, found by L-BFGS; zeros if that fails.

    Parameters
    ----------
    likelihood : Likelihood
    codes : Tensor of shape (n, n_components), float64
    target : Tensor of shape (n, n_features), float64
    n_iter : int, default=100

    Returns
    -------
    weight : Tensor of shape (n_features * n_raw, n_components)
    bias : Tensor of shape (n_features * n_raw,)
    shared : Tensor of shape (n_shared,)
    """
    n_features = target.shape[1]
    n_out = n_features * likelihood.n_raw()
    weight = codes.new_zeros(n_out, codes.shape[1]).requires_grad_(True)
    bias = codes.new_zeros(n_out).requires_grad_(True)
    shared = codes.new_zeros(likelihood.n_shared(n_features)).requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [weight, bias, shared], max_iter=n_iter, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        raw = torch.addmm(bias, codes, weight.T)
        if likelihood.n_raw() > 1:
            # (n, n_features * n_raw) -> (n, n_features, n_raw)
            raw = raw.unflatten(1, (n_features, -1))
        loss = -likelihood.log_prob(raw, shared, target).sum() + RIDGE / 2 * weight.square().sum()
        loss = loss / target.numel()
        loss.backward()
        return loss

    optimizer.step(closure)
    found = weight.detach(), bias.detach(), shared.detach()
    if not all(part.isfinite().all() for part in found):
        for part in found:
            part.zero_()
    return found
