"""What one of two processes finds of a loss of all rows: a script, told of a rank and a folder."""

import pickle
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Generator

from skae.engine import ALONE, SCHEDULES, Batch, GradientStep, find_peers
from skae.engine._differentiation import Autograd
from skae.networks import DenseArchitecture
from skae.objectives import ActivationDivergence, Objective, SquaredError, Term

N_ROWS = 8
N_FIRST = (3, 7, 8, 0)
"""Rows of the first process; the second one has the others."""


class Repulsion(Term):
    """``log mean_ij exp(-|code_i - code_j|**2)`` over all pairs of a batch."""

    reads = ("code",)
    sees_outputs_only = True
    sees_batch = True

    def __call__(self, outputs, target):
        code = self.gather(outputs.code)
        squares = (code[:, None] - code).square().sum(2)
        return (-squares).flatten().logsumexp(0).expand(len(target)) - 2 * torch.log(
            torch.tensor(float(len(code)))
        )


def make_rows():
    """Return the rows of all."""
    return torch.rand(N_ROWS, 4, dtype=torch.float64, generator=Generator().manual_seed(0))


def learn(rows, share, peers, is_written_out):
    """Take two steps; return the sum of the losses of each, the gradients, and the parameters."""
    plan = DenseArchitecture((4, 5, 2), "silu", False, False)
    network = plan.build(Generator().manual_seed(0)).requires_grad_(True)
    terms = {"loss": SquaredError(), "apart": Repulsion(), "rates": ActivationDivergence(0.1, 0.2)}
    objective = Objective(terms)
    objective.see_all_of_batch(peers.average, peers.gather_rows)
    step = GradientStep(network, objective, 0.1, SCHEDULES["constant"](10), peers=peers)
    if not is_written_out:
        step._differentiate = Autograd(network, objective)
    results = []
    for _ in range(2):
        losses = step.update(Batch((rows,), rows, share))
        sums = {name: float(values.sum()) for name, values in losses.items()}
        results.append((sums, step._flat.gradients.clone(), step.state()))
    return results


def main():
    """Find everything with another process."""
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    dist.init_process_group("gloo", f"file://{folder / 'store'}", rank=rank, world_size=2)
    X, results = make_rows(), {}
    with find_peers() as peers:
        assert peers is not ALONE
        for n_first in N_FIRST:
            rows = X[:n_first] if rank == 0 else X[n_first:]
            gathered = peers.gather_rows(rows.clone().requires_grad_())
            parts = [
                learn(rows, len(rows) / N_ROWS, peers, is_written_out)
                for is_written_out in (False, True)
            ]
            results[n_first] = gathered.detach(), parts
    (folder / f"results-{rank}").write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main()
