"""Codes of images that are refined until the deformed labels of the atlas fit their pixels."""

import torch
from torch import Tensor
from torch.optim import Adam

from skae.registration._segmenter_network import AtlasSegmentation

LEARNING_RATE = 0.03
WEIGHT = 5.0
"""Of the squared error of probabilities, beside the energy of the deformation."""


def refine(
    network: AtlasSegmentation, x: Tensor, code: Tensor, regularization: float, n_steps: int
) -> Tensor:
    """Return codes for which the deformed atlas is nearer to pixelwise probabilities.

    Adam (Kingma and Ba 2015) descends from the encoder's codes; an image whose loss has not fallen
    in the end keeps its own. Images do not depend on each other.

    Parameters
    ----------
    network : AtlasSegmentation
        Of which nothing is changed.
    x : Tensor of shape (n, n_features)
    code : Tensor of shape (n, n_components + n_pose)
        Of the encoder.
    regularization : float
        Weight of the energy.
    n_steps : int
    """
    with torch.inference_mode(False), torch.enable_grad():
        target = network.find_logits(x.clone()).detach().softmax(1)
        refined = code.clone().requires_grad_()
        optimizer = Adam([refined], lr=LEARNING_RATE)
        for _ in range(n_steps):
            optimizer.zero_grad()
            find_misfit(network, refined, target, regularization).sum().backward()
            optimizer.step()
        result = refined.detach()
        is_better = _is_lower(network, result, code.clone(), target, regularization)
        return torch.where(is_better[:, None], result, code)


def find_misfit(
    network: AtlasSegmentation, code: Tensor, target: Tensor, regularization: float
) -> Tensor:
    """Return the loss of every image, shape (n,).

    Parameters
    ----------
    network : AtlasSegmentation
    code : Tensor of shape (n, n_components + n_pose)
    target : Tensor of shape (n, n_classes, *sizes)
        Probabilities.
    regularization : float
        Weight of the energy.
    """
    decoder, step = network.decoder, network.decoder.plan.step
    velocity = decoder.find_velocity(code, step)
    points = decoder.flow(velocity, decoder.move(code, decoder.grid(), 1), step)
    errors = (network.draw_labels(points).softmax(1) - target).square().sum(1)
    return WEIGHT * errors.flatten(1).mean(1) + regularization * decoder.find_energy(velocity, step)


@torch.no_grad()
def _is_lower(
    network: AtlasSegmentation,
    code: Tensor,
    start: Tensor,
    target: Tensor,
    regularization: float,
) -> Tensor:
    losses = [find_misfit(network, value, target, regularization) for value in (code, start)]
    return losses[0] < losses[1]
