"""Held-out squared error of AutoencoderTransformer by optimiser, in equal time on one thread.

    SKAE_DATA=folder python docs/benchmarks/optimizers.py [seconds ...] [candidates ...]

`seconds`: budgets of a whole fit, 1 and 3 unless given. `candidates`: parts of their names; all
unless given. From the time that a few epochs take follows how many fit into a budget, and every
schedule ends with it. Time is the process's own, which a busy neighbour hardly changes. Measured
are the weights of the best epoch on a tenth of the training rows, held out as `fit` does it, for
all candidates; nothing stops early. Prints errors over PCA's, geometric means, as Markdown.

Levenberg and Marquardt's method is left out. For digits the network has 54,000 parameters, and a
batch of 128 rows 8,192 residuals. With all rows a step solves for 54,000 unknowns: 12 GB and 5e13
multiplications. With a batch it solves for one unknown a residual: 1.8e11 multiplications, as many
as in 900 epochs of AdamW.
"""

import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import torch
from _data import load
from floor import geometric_mean
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.engine import Step
from skae.engine._adamw import AdamW
from skae.metrics import reconstruction_error

SETS = ("digits", "ad_cardio", "ad_optdigits", "ad_pendigits", "ad_satellite")
SEEDS = (0, 1)
BUDGETS = (1.0, 3.0)
N_TIMED = 5


class ScheduleFree:
    """Schedule-free AdamW (Defazio et al. 2024, algorithm 1).

    Gradients are taken between what AdamW has reached and its mean, which is shown.
    """

    def __init__(self, step):
        flat = step._flat
        self._values, self._gradients = flat.values, flat.gradients
        self._n_decayed = len(flat.matrices)
        self._reached, self.shown = flat.values.clone(), flat.values.clone()
        self._square = torch.zeros_like(flat.values)
        self._n_updates, self._sum_of_squares = 0, 0.0

    def descend(self, learning_rate, decay):
        """Take a step."""
        self._n_updates += 1
        learning_rate *= (1 - 0.999**self._n_updates) ** 0.5
        self._sum_of_squares += learning_rate**2
        self._square.lerp_(self._gradients.square(), 0.001)
        spread = self._square.sqrt().add_(1e-8)
        self._reached.addcdiv_(self._gradients, spread, value=-learning_rate)
        decayed = slice(self._n_decayed)
        self._reached[decayed].sub_(self._values[decayed], alpha=decay)
        self.shown.lerp_(self._reached, learning_rate**2 / self._sum_of_squares)
        torch.lerp(self._reached, self.shown, 0.9, out=self._values)


class ByMatrix:
    """Abstract base: one update for every matrix, AdamW for the vectors."""

    def __init__(self, step):
        flat = step._flat
        self.shown, self._decayed = flat.values, flat.matrices
        self._matrices = [p for p in step.network.parameters() if p.ndim > 1]
        rest = slice(len(flat.matrices), None)
        vectors = SimpleNamespace(values=flat.values[rest], gradients=flat.gradients[rest])
        self._adamw = AdamW(vectors, has_decay=False)

    def descend(self, learning_rate, decay):
        """Take a step."""
        self._adamw.descend(learning_rate, 0.0)
        self._decayed.mul_(1 - decay)
        self._update(learning_rate)


class Muon(ByMatrix):
    """Momentum made orthogonal, in steps of AdamW's size (Liu et al. 2025)."""

    def __init__(self, step):
        super().__init__(step)
        self._muon = torch.optim.Muon(
            self._matrices, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
        )

    def _update(self, learning_rate):
        self._muon.param_groups[0]["lr"] = learning_rate
        self._muon.step()


class Soap(ByMatrix):
    """Adam in the basis of Shampoo (Vyas et al. 2024), which is refreshed every 20 updates."""

    def __init__(self, step):
        super().__init__(step)
        self._parts = [Rotated(matrix) for matrix in self._matrices]

    def _update(self, learning_rate):
        for part in self._parts:
            part.descend(learning_rate)


class Rotated:
    """Adam for one matrix, along the eigenvectors of Shampoo's two preconditioners."""

    def __init__(self, matrix):
        self._matrix = matrix
        self._sums = [torch.zeros(size, size) for size in matrix.shape]
        self._bases = [torch.eye(size) for size in matrix.shape]
        self._mean, self._square = torch.zeros_like(matrix), torch.zeros_like(matrix)
        self._n_updates = 0

    def descend(self, learning_rate):
        """Take a step."""
        gradient = self._matrix.grad
        self._mean.lerp_(gradient, 0.1)
        self._turn(gradient)
        left, right = self._bases
        self._square.lerp_((left.T @ gradient @ right).square_(), 0.01)
        mean = left.T @ self._mean @ right / (1 - 0.9**self._n_updates)
        spread = (self._square / (1 - 0.99**self._n_updates)).sqrt_().add_(1e-8)
        self._matrix.sub_(left @ (mean / spread) @ right.T, alpha=learning_rate)

    def _turn(self, gradient):
        """Add up products of rows and of columns; iterate their eigenvectors now and then."""
        self._sums[0].lerp_(gradient @ gradient.T, 0.05)
        self._sums[1].lerp_(gradient.T @ gradient, 0.05)
        if self._n_updates == 0:
            self._bases = [torch.linalg.eigh(total).eigenvectors for total in self._sums]
        elif self._n_updates % 20 == 0:
            products = map(torch.matmul, self._sums, self._bases)
            self._bases = [torch.linalg.qr(product).Q for product in products]
        self._n_updates += 1


class OtherStep(Step):
    """A gradient step with another optimiser, measured at the weights which that shows."""

    def __init__(self, step, make_optimizer):
        self._step, self._values = step, step._flat.values
        self._optimizer = step._adamw = make_optimizer(step)

    def update(self, batch):
        """Learn."""
        return self._step.update(batch)

    def evaluate(self, batch):
        """Measure."""
        with self._showing():
            return self._step.evaluate(batch)

    def state(self):
        """Return a copy of what is shown."""
        with self._showing():
            return self._step.state()

    def restore(self, state):
        """Put back what was shown."""
        self._step.restore(state)
        self._optimizer.shown.copy_(self._values)

    @contextmanager
    def _showing(self):
        values = self._values.clone()
        self._values.copy_(self._optimizer.shown)
        yield
        self._values.copy_(values)


class Autoencoder(AutoencoderTransformer):
    """With another optimiser, and with the time of every epoch."""

    def _make_step(self, module, link, train):
        step = super()._make_step(module, link, train)
        return OtherStep(step, self.make_optimizer) if self.make_optimizer else step

    def _report(self, history):
        self.times.append(time.process_time())


def candidates():
    """Return by name what makes an optimiser (None: the package's own), and parameters.

    AdamW has a rate that falls along a cosine, or weights that are averaged.
    """
    grid = [(5e-3, size) for size in ("auto", 64, 128, 256, 512)]
    grid += [(2.5e-3, "auto"), (1e-2, "auto"), (2e-2, "auto")]
    grid += [(2.5e-3, 64), (1e-2, 64), (1e-2, 512)]
    table = {
        f"AdamW {rate:g}, {size}": (
            None,
            {"learning_rate": "cosine", "learning_rate_init": rate, "batch_size": size},
        )
        for rate, size in grid
    }
    for make, course, rates in (
        (None, "averaged", (5e-3, 1e-2)),
        (ScheduleFree, "constant", (5e-3, 1e-2)),
        (Muon, "cosine", (1e-2, 2e-2)),
        (Soap, "cosine", (5e-3, 1e-2)),
    ):
        for rate in rates:
            parameters = {"learning_rate_init": rate, "learning_rate": course}
            name = "AdamW averaged" if make is None else make.__name__
            table[f"{name} {rate:g}"] = make, parameters
    return table | {"L-BFGS": (None, {"solver": "lbfgs"})}


def fit(X, label, seed, n_epochs):
    """Return a fitted autoencoder, and the seconds it took."""
    make_optimizer, parameters = candidates()[label]
    model = Autoencoder(X.shape[1] // 4, random_state=seed, device="cpu", verbose=1)
    model.set_params(max_iter=n_epochs, n_iter_no_change=n_epochs, **parameters)
    model.make_optimizer, model.times = make_optimizer, []
    start = time.process_time()
    model.fit(X)
    return model, time.process_time() - start


def seconds_per_epoch(X, label):
    """Return what an epoch takes."""
    model, _ = fit(X, label, 0, N_TIMED)
    return float(np.diff(model.times).mean())


def cell(name, seed, budget, label, pace):
    """Return one fit's errors over PCA's."""
    train, test = load(name, seed)
    pca = PCA(train.shape[1] // 4, svd_solver="full").fit(train)
    model, seconds = fit(train, label, seed, max(1, int(budget / pace)))
    ratios = {
        rows: reconstruction_error(model, X) / reconstruction_error(pca, X)
        for rows, X in (("test", test), ("train", train))
    }
    return {"name": name, "key": (budget, label), "seconds": seconds, **ratios}


def summarize(cells):
    """Print a line for every budget and candidate, the lowest error first."""
    print("\n| budget | candidate | all | worst |", " | ".join(SETS), "| training | seconds |")
    print("|---|---|---|---|" + "---|" * (len(SETS) + 2))
    lines = []
    for key in dict.fromkeys(c["key"] for c in cells):
        rows = [c for c in cells if c["key"] == key]
        by_set = [[c["test"] for c in rows if c["name"] == name] for name in SETS]
        errors = [c["test"] for c in rows]
        values = [geometric_mean(errors), max(errors), *map(geometric_mean, by_set)]
        values += [geometric_mean([c["train"] for c in rows])]
        lines.append((key[0], values, key[1], np.mean([c["seconds"] for c in rows])))
    for budget, values, label, seconds in sorted(lines):
        shown = " | ".join(f"{value:.3f}" for value in values)
        print(f"| {budget:g} | {label} | {shown} | {seconds:.2f} |")


def main(arguments):
    """Run all cells."""
    torch.set_num_threads(1)
    budgets = [float(a) for a in arguments if a[0].isdigit()] or BUDGETS
    parts = [a for a in arguments if not a[0].isdigit()] or [""]
    labels = [label for label in candidates() if any(part in label for part in parts)]
    cells = []
    for name in SETS:
        X, _ = load(name, 0)
        paces = {label: seconds_per_epoch(X, label) for label in labels}
        jobs = [(seed, b, label) for seed in SEEDS for b in budgets for label in labels]
        cells += [cell(name, *job, paces[job[-1]]) for job in jobs]
    summarize(cells)


if __name__ == "__main__":
    main(sys.argv[1:])
