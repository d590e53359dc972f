"""Sparse coders, which use few of many atoms for each row."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from skae.networks._architecture import Architecture
from skae.networks._modules import gradient_of
from skae.networks._pass import Gradients, NetworkPass
from skae.networks._thresholds import THRESHOLDS, JumpReLU

ENTRY = 0.125
"""Root mean square of a parameter matrix's entries at the start."""


class SparseOutputs(NamedTuple):
    """The outputs of a sparse coder for a batch of rows.

    Attributes
    ----------
    raw : Tensor of shape (n, n_features)
        The centre plus the sum of the atoms, weighted by the code.
    code : Tensor of shape (n, n_components)
        Not negative; mostly zero.
    drive : Tensor of shape (n, n_components)
        The code before the threshold.
    atoms : Tensor of shape (n_components, n_features)
        Rows of unit norm.
    """

    raw: Tensor
    code: Tensor
    drive: Tensor
    atoms: Tensor


class SparseCoder(nn.Module):
    """Learned iterative thresholding, and a linear decoder with atoms of unit norm.

    The first drive is linear in x. Each further step adds to the code the drive of the rest x - x',
    times a learned step length (Gregor and LeCun 2010): atoms then compete for the same part of a
    row.

    Atoms are parametrised by vectors of any length. The gradient of such a vector is orthogonal to
    it, as its norm does not change the atom.

    Parameters
    ----------
    n_features, n_components : int
    threshold : nn.Module
        Maps drives to codes.
    n_steps : int
        Number of steps after the first.
    """

    outputs = SparseOutputs

    def __init__(
        self, n_features: int, n_components: int, threshold: nn.Module, n_steps: int
    ) -> None:
        super().__init__()
        self.threshold = threshold
        # entries of both matrices then have the size `ENTRY`, and one learning rate suits any width
        self.unit = 1 / (ENTRY * n_features**0.5)
        shape = (n_components, n_features)
        self.directions = nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        self.weight = nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        self.bias = nn.Parameter(torch.zeros(n_components, dtype=torch.float64))
        self.center = nn.Parameter(torch.zeros(n_features, dtype=torch.float64))
        self.step_lengths = nn.Parameter(torch.full((n_steps,), 0.3, dtype=torch.float64))

    @torch.no_grad()
    def set_atoms_(self, atoms: Tensor) -> None:
        """Set the atoms, and the encoder to them."""
        atoms = nn.functional.normalize(atoms, dim=1)
        self.directions.copy_(atoms / self.unit)
        self.weight.copy_(atoms / self.unit)

    def atoms(self) -> Tensor:
        """Return the atoms, shape (n_components, n_features)."""
        return nn.functional.normalize(self.directions, dim=1)

    def forward(self, x: Tensor) -> SparseOutputs:
        """Return the code of `x` and its reconstruction."""
        atoms = self.atoms()
        drive = self._drive(x, atoms)
        code = self.threshold(drive)
        return SparseOutputs(self._decode(code, atoms), code, drive, atoms)

    def encode(self, x: Tensor) -> Tensor:
        """Return the code of `x`, shape (n, n_components)."""
        return self.threshold(self._drive(x, self.atoms()))

    def decode(self, code: Tensor) -> Tensor:
        """Return the rows that codes stand for, shape (n, n_features)."""
        return self._decode(code, self.atoms())

    def make_pass(self) -> NetworkPass | None:
        """Return the pass through the coder, or None if the threshold itself learns."""
        return None if isinstance(self.threshold, JumpReLU) else SparsePass(self)

    def _drive(self, x: Tensor, atoms: Tensor) -> Tensor:
        weight = self.unit * self.weight
        # weight @ (x - center) + bias, without a centred copy of x
        bias = torch.addmv(self.bias, weight, self.center, alpha=-1)
        first = drive = nn.functional.linear(x, weight, bias)
        for step_length in self.step_lengths:
            code = self.threshold(drive)
            # by way of the features: a matrix of all pairs of atoms may be huge
            unexplained = torch.addmm(first, code @ atoms, weight.T, alpha=-1)
            drive = torch.addcmul(code, step_length, unexplained)
        return drive

    def _decode(self, code: Tensor, atoms: Tensor) -> Tensor:
        return torch.addmm(self.center, code, atoms)


class _ThresholdingStep(NamedTuple):
    """Intermediate results of a step after the first, for the backward pass.

    Attributes
    ----------
    code : Tensor of shape (n, n_components)
        The code before the step.
    raw : Tensor of shape (n, n_features)
        Its reconstruction, without the centre.
    unexplained : Tensor of shape (n, n_components)
        The drive of the rest of the row.
    """

    code: Tensor
    raw: Tensor
    unexplained: Tensor


class SparsePass(NetworkPass):
    """Forward and backward through `SparseCoder`, for thresholds that only choose entries.

    Parameters
    ----------
    coder : SparseCoder
    """

    def __init__(self, coder: SparseCoder) -> None:
        self.coder = coder

    def forward(self, x: Tensor) -> SparseOutputs:
        """Return the code of `x` and its reconstruction."""
        coder = self.coder
        self.x = x
        self.norms = coder.directions.norm(dim=1, keepdim=True).clamp_min(1e-12)
        self.atoms = coder.directions / self.norms
        self.weight = coder.unit * coder.weight
        bias = torch.addmv(coder.bias, self.weight, coder.center, alpha=-1)
        first = drive = nn.functional.linear(x, self.weight, bias)
        self.steps: list[_ThresholdingStep] = []
        for step_length in coder.step_lengths:
            code = coder.threshold(drive)
            raw = code @ self.atoms
            unexplained = torch.addmm(first, raw, self.weight.T, alpha=-1)
            self.steps.append(_ThresholdingStep(code, raw, unexplained))
            drive = torch.addcmul(code, step_length, unexplained)
        self.code = coder.threshold(drive)
        raw = torch.addmm(coder.center, self.code, self.atoms)
        return SparseOutputs(raw, self.code, drive, self.atoms)

    def backward(self, gradients: Gradients) -> None:
        """Backpropagate through the decoder and then, from the last step, through the encoder."""
        to_raw = gradients["raw"]
        to_code = to_raw @ self.atoms.T
        to_atoms = self.code.T @ to_raw
        if "atoms" in gradients:
            to_atoms += gradients["atoms"]
        if "code" in gradients:
            to_code += gradients["code"]
        # thresholds pass the entries that they keep as they are
        to_drive = to_code.mul_(self.code > 0)
        if "drive" in gradients:
            to_drive += gradients["drive"]
        gradient_of(self.coder.center).add_(to_raw.sum(0))
        self._encoder_backward(to_drive, to_atoms)
        # the derivative of v / |v|: its part along the atom is 0
        along = (to_atoms * self.atoms).sum(1, keepdim=True)
        gradient_of(self.coder.directions).add_((to_atoms - along * self.atoms) / self.norms)

    def _encoder_backward(self, to_drive: Tensor, to_atoms: Tensor) -> None:
        """Add to the gradients of the encoder's parameters, and to those of the atoms."""
        coder, to_first = self.coder, torch.zeros_like(to_drive)
        lengths = list(
            zip(self.steps, coder.step_lengths, gradient_of(coder.step_lengths), strict=True)
        )
        for step, step_length, length_gradient in reversed(lengths):
            length_gradient.add_((to_drive * step.unexplained).sum())
            to_unexplained = step_length * to_drive
            # unexplained = first - raw @ weight.T
            to_first += to_unexplained
            to_raw = -to_unexplained @ self.weight
            gradient_of(coder.weight).addmm_(to_unexplained.T, step.raw, alpha=-coder.unit)
            to_atoms.addmm_(step.code.T, to_raw)
            to_drive = torch.addmm(to_drive, to_raw, self.atoms.T) * (step.code > 0)
        to_first += to_drive
        to_bias = to_first.sum(0)
        gradient_of(coder.bias).add_(to_bias)
        gradient_of(coder.weight).addmm_(to_first.T, self.x, alpha=coder.unit)
        gradient_of(coder.weight).addr_(to_bias, coder.center, alpha=-coder.unit)
        gradient_of(coder.center).addmv_(self.weight.T, to_bias, alpha=-1)


class Encoder(nn.Module):
    """The encoding half of a sparse coder.

    Parameters
    ----------
    coder : SparseCoder
    """

    def __init__(self, coder: SparseCoder) -> None:
        super().__init__()
        self.coder = coder

    def forward(self, x: Tensor) -> Tensor:
        """Return the code of `x`, shape (n, n_components)."""
        return self.coder.encode(x)


@dataclass(frozen=True)
class SparseArchitecture(Architecture):
    """The plan of a sparse coder.

    Attributes
    ----------
    sizes : (int, int)
        Number of features and of components.
    threshold : {"topk", "relu", "jumprelu"}
    n_nonzero : int
        Largest number of nonzeros in a code, for "topk".
    n_steps : int
    """

    sizes: tuple[int, ...]
    threshold: str
    n_nonzero: int
    n_steps: int

    def build(self, generator: Generator) -> SparseCoder:
        """Return the coder in float64, with random atoms."""
        n_features, n_components = self.sizes
        threshold = THRESHOLDS[self.threshold](n_components, self.n_nonzero)
        coder = SparseCoder(n_features, n_components, threshold, self.n_steps)
        atoms = torch.randn(n_components, n_features, generator=generator, dtype=torch.float64)
        coder.set_atoms_(atoms)
        return coder
