"""Refinement of codes, so that the deformed labels of the atlas fit the pixels of an image."""

import torch
from torch import Tensor
from torch.optim import Adam

from skae.registration._atlas_network import MAX_POSE
from skae.registration._atlas_segmenter_network import AtlasSegmentation

LEARNING_RATE = 0.03
WEIGHT = 5.0
"""Weight of the squared error of probabilities, relative to the energy of the deformation."""


def refine(
    network: AtlasSegmentation, x: Tensor, code: Tensor, regularization: float, n_steps: int
) -> Tensor:
    """Return codes for which the deformed atlas is closer to the pixelwise probabilities.

    Adam (Kingma and Ba 2015) descends from the encoder's codes; the best code of every image is
    kept. Poses stay within the bounds of the encoder's poses. Images do not depend on each other.

    Parameters
    ----------
    network : AtlasSegmentation
        The network, which is not changed.
    x : Tensor of shape (n, n_features)
    code : Tensor of shape (n, n_components + n_pose)
        The encoder's codes.
    regularization : float
        Weight of the energy.
    n_steps : int
    """
    if not n_steps:
        return code
    # the tensors of inference mode have no gradients, so they are cloned
    with torch.inference_mode(False), torch.enable_grad():
        target = network.find_logits(x.clone()).detach().softmax(1)
        best = code.clone()
        refined = best.clone().requires_grad_()
        lowest = torch.full_like(best[:, 0], torch.inf)
        optimizer = Adam([refined], lr=LEARNING_RATE)
        for _ in range(n_steps):
            losses = find_misfit(network, refined, target, regularization)
            best, lowest = _keep_better(best, lowest, refined, losses)
            optimizer.zero_grad()
            # images have codes of their own: the sum has the gradient of each
            losses.sum().backward()
            optimizer.step()
            # a view, clamped in place
            poses = refined.detach()[:, network.decoder.plan.n_components :]
            poses.clamp_(-MAX_POSE, MAX_POSE)
        with torch.no_grad():
            losses = find_misfit(network, refined, target, regularization)
        return _keep_better(best, lowest, refined, losses)[0]


def find_misfit(
    network: AtlasSegmentation, code: Tensor, target: Tensor, regularization: float
) -> Tensor:
    """Return the loss of every image, shape (n,).

    Parameters
    ----------
    network : AtlasSegmentation
    code : Tensor of shape (n, n_components + n_pose)
    target : Tensor of shape (n, n_classes, *sizes)
        Probabilities of the pixelwise network.
    regularization : float
        Weight of the energy.
    """
    decoder, step = network.decoder, network.decoder.plan.step
    velocity = decoder.find_velocity(code, step)
    points = decoder.flow(velocity, decoder.move(code, decoder.grid(), 1), step)
    # (n, n_classes, *sizes) -> (n, *sizes)
    errors = (network.draw_labels(points).softmax(1) - target).square().sum(1)
    return WEIGHT * errors.flatten(1).mean(1) + regularization * decoder.find_energy(velocity, step)


def _keep_better(
    best: Tensor, lowest: Tensor, code: Tensor, losses: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the better of two codes for every image, and its loss."""
    code, losses = code.detach(), losses.detach()
    is_better = losses < lowest
    return torch.where(is_better[:, None], code, best), torch.where(is_better, losses, lowest)
