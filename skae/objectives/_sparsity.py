"""Penalties on nonnegative codes, for few nonzeros and against components that are never used."""

from collections.abc import Callable

import torch
from torch import Tensor

from skae.objectives._outputs import WithAtoms, WithCode, WithDrive
from skae.objectives._term import Gradients, Term

SHARPNESS = 4.0
"""A component with a code of 1/4 is counted as three quarters of an active one: tanh(1) = 0.76."""


class CodeLasso(Term[WithCode]):
    """``weight * sum |code| / sqrt(n_features)``, as in sparse coding (Olshausen and Field 1996).

    For data of unit mean square, rows have norms of about ``sqrt(n_features)``. An atom is used if
    it explains more than the share ``weight / 2`` of such a norm.

    Parameters
    ----------
    weight : float
    """

    reads = ("code",)
    sees_outputs_only = True

    def __init__(self, weight: float) -> None:
        self.strength = weight

    def __call__(self, outputs: WithCode, target: Tensor) -> Tensor:
        """Return the penalty of every row, shape (n,)."""
        return self.strength * outputs.code.abs().sum(1) / target.shape[1] ** 0.5

    def differentiate(
        self, outputs: WithCode, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the penalty of every row, and the gradient of ``factor`` times the sum."""
        slope = outputs.code.sign().mul_(factor * self.strength / target.shape[1] ** 0.5)
        return self(outputs, target), {"code": slope}


class ActivationDivergence(Term[WithCode]):
    """``weight * sum_j KL(Bernoulli(rate) || Bernoulli(r_j))``, the same for every row.

    r_j is the mean over the batch of ``tanh(4 code_j)``, a smooth count of how often a component
    is active (Ng 2011, "Sparse autoencoder", with a count in place of a sigmoid's value: codes
    are exactly zero where they are not active).

    Parameters
    ----------
    weight : float
    rate : float in (0, 1)
    """

    reads = ("code",)
    sees_outputs_only = True
    sees_batch = True

    def __init__(self, weight: float, rate: float) -> None:
        self.strength = weight
        self.rate = rate

    def __call__(self, outputs: WithCode, target: Tensor) -> Tensor:
        """Return the penalty, shape (n,)."""
        rates, _ = self.average((SHARPNESS * outputs.code).tanh())
        rates = rates.clamp(1e-6, 1 - 1e-6)  # both logarithms are finite
        divergence = self.rate * (self.rate / rates).log()
        divergence = divergence + (1 - self.rate) * ((1 - self.rate) / (1 - rates)).log()
        return (self.strength * divergence.sum()).expand(len(target))


class ActiveCount(Term[WithDrive]):
    """``weight * (number of nonzeros) / n_features`` (Rajamanoharan et al. 2024, equation 9).

    Parameters
    ----------
    weight : float
    count : callable
        Maps drives, shape (n, n_components), to numbers of nonzeros, shape (n,), differentiably.
    """

    reads = ("drive",)

    def __init__(self, weight: float, count: Callable[[Tensor], Tensor]) -> None:
        self.strength = weight
        self.count = count

    def __call__(self, outputs: WithDrive, target: Tensor) -> Tensor:
        """Return the penalty of every row, shape (n,)."""
        return self.strength * self.count(outputs.drive) / target.shape[1]


class Revival(Term[WithAtoms]):
    """``weight`` times the error of dead atoms in explaining the error of the others.

    The auxiliary loss of Gao et al. (2024), section 2.4. An atom is dead if it was not used in the
    last `patience` rows of training. The loss moves atoms whose drive is positive for some row, but
    not large enough to be used. Its value is 0 where rows are only evaluated.

    Parameters
    ----------
    n_components : int
    patience : int
        Number of rows after which an unused atom is dead.
    n_used : int
        Number of dead atoms that are used for a row.
    weight : float, default=1/32
    """

    reads = ("raw", "code", "drive", "atoms")
    sees_outputs_only = True
    sees_batch = True

    def __init__(
        self, n_components: int, patience: int, n_used: int, weight: float = 1 / 32
    ) -> None:
        self.idle = torch.zeros(n_components, dtype=torch.long)
        self.patience = patience
        self.n_used = n_used
        self.strength = weight

    def __call__(self, outputs: WithAtoms, target: Tensor) -> Tensor:
        """Return the penalty of every row, shape (n,)."""
        if not outputs.code.requires_grad:  # rows are only evaluated
            return target.new_zeros(len(target))
        dead = self._count(outputs.code.detach())
        if not dead.any():
            return target.new_zeros(len(target))
        code = self._code_of(outputs.drive[:, dead])  # (n, n_dead)
        explained = code @ outputs.atoms[dead]
        # a constant: the other atoms are not to leave more to the dead ones
        rest = (target - outputs.raw).detach()
        return self.strength * (rest - explained).square().mean(1)

    def differentiate(
        self, outputs: WithAtoms, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the penalty of every row, and the gradients of ``factor`` times the sum."""
        dead = self._count(outputs.code)
        if not dead.any():
            return target.new_zeros(len(target)), {}
        atoms, code = outputs.atoms[dead], self._code_of(outputs.drive[:, dead])
        error = code @ atoms - (target - outputs.raw)
        slope = error * (2 * factor * self.strength / target.shape[1])
        to_drive, to_atoms = torch.zeros_like(outputs.drive), torch.zeros_like(outputs.atoms)
        to_drive[:, dead] = (slope @ atoms.T) * (code > 0)
        to_atoms[dead] = code.T @ slope
        return self.strength * error.square().mean(1), {"drive": to_drive, "atoms": to_atoms}

    def state_dict(self) -> dict[str, Tensor]:
        """Return the number of rows since each atom was last used."""
        return {"idle": self.idle}

    def _code_of(self, drive: Tensor) -> Tensor:
        """Return the largest drives of every row where they are positive, and 0 elsewhere."""
        largest, places = drive.topk(min(self.n_used, drive.shape[1]), dim=1)
        return torch.zeros_like(drive).scatter(1, places, largest.relu())

    def _count(self, code: Tensor) -> Tensor:
        """Record the atoms that a batch uses; return which are dead, shape (n_components,)."""
        shares, n_rows = self.average((code > 0).to(code.dtype))
        self.idle = (self.idle.to(code.device) + n_rows).masked_fill(shares > 0, 0)
        return self.idle >= self.patience
