"""A sparse coder: few of many atoms for each row."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from skae.networks._thresholds import THRESHOLDS

ENTRY = 0.125
"""Size of the entries of a parameter matrix at the start."""


class SparseOutputs(NamedTuple):
    """What a sparse coder says of a batch of rows.

    Attributes
    ----------
    raw : Tensor of shape (n, n_features)
        The sum of the atoms, weighted by the code, and the centre.
    code : Tensor of shape (n, n_components)
        Not negative; mostly zero.
    drive : Tensor of shape (n, n_components)
        What the code is the thresholded value of.
    atoms : Tensor of shape (n_components, n_features)
        Rows of unit norm.
    """

    raw: Tensor
    code: Tensor
    drive: Tensor
    atoms: Tensor


class SparseCoder(nn.Module):
    """Learned iterative thresholding, and a linear decoder with atoms of unit norm.

    The first drive is linear in x. Each further step adds to the code what the drive of the
    rest x - x' would be (Gregor and LeCun 2010), with a learned step length: atoms then compete
    for what they explain.

    Atoms are parametrised by vectors of any length. The gradient of such a vector is orthogonal
    to it: what would only change the norm is removed.

    Parameters
    ----------
    n_features, n_components : int
    threshold : nn.Module
        Maps drives to codes.
    n_steps : int
        Steps after the first.
    """

    outputs = SparseOutputs

    def __init__(
        self, n_features: int, n_components: int, threshold: nn.Module, n_steps: int
    ) -> None:
        super().__init__()
        self.threshold = threshold
        # entries of both matrices are then of one size, and one learning rate fits any width
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
        """Return the code of `x` and what is made of it."""
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

    def _drive(self, x: Tensor, atoms: Tensor) -> Tensor:
        weight = self.unit * self.weight
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


class SparseArchitecture(NamedTuple):
    """All it takes to build a sparse coder again; plain values only.

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

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64."""
        return 1

    def build(self, generator: Generator) -> SparseCoder:
        """Return the coder in float64, with random atoms."""
        n_features, n_components = self.sizes
        threshold = THRESHOLDS[self.threshold](n_components, self.n_nonzero)
        coder = SparseCoder(n_features, n_components, threshold, self.n_steps)
        atoms = torch.randn(n_components, n_features, generator=generator, dtype=torch.float64)
        coder.set_atoms_(atoms)
        return coder
