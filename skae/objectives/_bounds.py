"""Bounds on the log-likelihood of a latent-variable model with a standard normal prior."""

from math import log, pi

import torch
from torch import Tensor

from skae.objectives._likelihoods import Likelihood
from skae.objectives._losses import unequal_shapes
from skae.objectives._outputs import WithDraws, WithPosterior, WithShared
from skae.objectives._term import Gradients, Term


class ReconstructionLogLikelihood(Term[WithShared]):
    """``-E_q(z|x) log p(x|z)`` in nats, a mean over drawn codes, summed over features.

    Parameters
    ----------
    likelihood : Likelihood
    """

    reads = ("raw", "shared")
    sees_outputs_only = True

    def __init__(self, likelihood: Likelihood) -> None:
        self.likelihood = likelihood

    def shape_refusal(self, outputs: WithShared, target: Tensor) -> str | None:
        """Return why `raw` and `target`, which should have the same features, do not fit."""
        return _unequal_features(outputs, target)

    def __call__(self, outputs: WithShared, target: Tensor) -> Tensor:
        """Return the negative log-likelihood of every row, shape (n,)."""
        return -_log_likelihoods(self.likelihood, outputs, target).mean(1)

    def differentiate(
        self, outputs: WithShared, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the values, and the gradients of ``factor`` times their sum."""
        log_prob, to_raw, to_shared = self.likelihood.differentiate(
            outputs.raw, outputs.shared, target[:, None]
        )
        # the mean over the codes of a row
        factor = -factor / outputs.raw.shape[1]
        values = -log_prob.sum(2).mean(1)  # (n, n_codes, n_features) -> (n,)
        return values, {"raw": to_raw.mul_(factor), "shared": to_shared * factor}


class KullbackLeibler(Term[WithPosterior]):
    """``beta * KL(q(z|x) || N(0, I))`` in nats (Kingma and Welling 2014, appendix B).

    Parameters
    ----------
    beta : float, default=1.0
        Factor of the divergence (Higgins et al. 2017).
    free_bits : float, default=0.0
        Nats per component, on average over a batch, below which there is no gradient (Kingma et
        al. 2016, section C.8).
    warm_up : float, default=0.0
        Share of training in which the weight rises linearly from 0 (Bowman et al. 2016).
    """

    reads = ("mean", "log_var")
    sees_outputs_only = True
    sees_batch = True

    def __init__(self, beta: float = 1.0, free_bits: float = 0.0, warm_up: float = 0.0) -> None:
        self.beta = beta
        self.free_bits = free_bits
        self.warm_up = warm_up

    def __call__(self, outputs: WithPosterior, target: Tensor) -> Tensor:
        """Return the penalty of every row, shape (n,)."""
        kl = kl_per_component(outputs.mean, outputs.log_var)
        if self.free_bits > 0:
            # (n_components,) means, compared for all rows at once
            kl = torch.where(self.average(kl)[0] > self.free_bits, kl, self.free_bits)
        return self.beta * kl.sum(1)

    def differentiate(
        self, outputs: WithPosterior, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the penalty of every row, and the gradients of ``factor`` times the sum."""
        factor = factor * self.beta
        # derivatives of mean**2 / 2 and of (exp(log_var) - log_var) / 2
        to_mean = outputs.mean * factor
        to_log_var = outputs.log_var.exp().sub_(1).mul_(factor / 2)
        if self.free_bits > 0:
            kl = kl_per_component(outputs.mean, outputs.log_var)
            is_counted = self.average(kl)[0] > self.free_bits
            to_mean, to_log_var = to_mean * is_counted, to_log_var * is_counted
        return self(outputs, target), {"mean": to_mean, "log_var": to_log_var}

    def weight(self, progress: float) -> float:
        """Return the factor at this share of training."""
        return 1.0 if progress >= self.warm_up else progress / self.warm_up


class ImportanceWeightedBound(Term[WithDraws]):
    """``-log mean_s p(x, z_s) / q(z_s|x)`` over several codes z_s (Burda et al. 2016, eq. 8).

    The encoder's gradient is the doubly reparameterised one (Tucker et al. 2019, eq. 8): its noise
    does not grow with the number of codes. Here beta is a factor of the score that it replaces, and
    the squared weight of a code becomes ``(1 - beta) weight + beta weight**2``.

    Parameters
    ----------
    likelihood : Likelihood
    beta : float, default=1.0
        Factor of ``log q(z|x) - log p(z)``.
    """

    reads = ("mean", "log_var", "code", "raw", "shared")

    def __init__(self, likelihood: Likelihood, beta: float = 1.0) -> None:
        self.likelihood = likelihood
        self.beta = beta

    def shape_refusal(self, outputs: WithDraws, target: Tensor) -> str | None:
        """Return why `raw` and `target`, which should have the same features, do not fit."""
        return _unequal_features(outputs, target)

    def __call__(self, outputs: WithDraws, target: Tensor) -> Tensor:
        """Return the negative bound of every row, shape (n,)."""
        code = outputs.code  # (n, n_codes, n_components)
        # detached: the encoder learns through the codes only
        mean, log_var = outputs.mean.detach()[:, None], outputs.log_var.detach()[:, None]
        # normal log-densities without their constants, which cancel, shape (n, n_codes)
        log_q = -0.5 * ((code - mean).square() / log_var.exp() + log_var).sum(2)
        log_prior = -0.5 * code.square().sum(2)
        log_likelihood = _log_likelihoods(self.likelihood, outputs, target)
        log_weights = log_likelihood + self.beta * (log_prior - log_q)
        if code.requires_grad:
            # the gradient of logsumexp has the weights once; here they become squares
            weights = log_weights.detach().softmax(1)[:, :, None]
            factor = (1 - self.beta) + self.beta * weights
            code.register_hook(lambda gradient: gradient * factor)
        return log(code.shape[1]) - log_weights.logsumexp(1)


def kl_per_component(mean: Tensor, log_var: Tensor) -> Tensor:
    """Return ``KL(N(mean, exp(log_var)) || N(0, 1))``, elementwise."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)


def log_normal(x: Tensor) -> Tensor:
    """Return the standard normal log-density of every row, shape (...)."""
    return -0.5 * (x.square() + log(2 * pi)).sum(-1)


def _log_likelihoods(likelihood: Likelihood, outputs: WithShared, target: Tensor) -> Tensor:
    """Return ``log p(x|z)`` of every row and code, shape (n, n_codes)."""
    return likelihood.log_prob(outputs.raw, outputs.shared, target[:, None]).sum(2)


def _unequal_features(outputs: WithShared, target: Tensor) -> str | None:
    """Return why `raw`, shape (n, n_codes, n_features, ...), does not fit, or None if it does."""
    raw = outputs.raw
    wanted = len(target), raw.shape[1], *target.shape[1:]
    found = raw.shape[: len(wanted)]
    return None if found == wanted else unequal_shapes(found, wanted)
