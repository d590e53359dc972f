"""The lines that `verbose` prints."""

from time import perf_counter

from skae.engine import FindKept, History, Watcher


class Progress(Watcher):
    """Prints losses and an estimate of the time left.

    Parameters
    ----------
    name : str
        Name of the estimator.
    max_iter : int
    every : int
        Number of epochs from one line to the next. The first and the last epoch always have one.
    """

    def __init__(self, name: str, max_iter: int, every: int) -> None:
        self.name = name
        self.max_iter = max_iter
        self.every = every
        self.start = perf_counter()
        self.n_run = 0

    def begin_training(self, history: History) -> None:
        """Print the number of epochs that were run before an interruption, if there was one."""
        if history.n_epochs > 0:
            print(f"{self.name} goes on after epoch {history.n_epochs}")

    def end_epoch(self, history: History, find_kept: FindKept) -> bool:
        """Print a line, if this epoch has one."""
        # not `n_epochs`: epochs before an interruption took none of this time
        self.n_run += 1
        epoch = history.n_epochs
        if epoch % self.every == 0 or epoch in (1, self.max_iter):
            seconds = (perf_counter() - self.start) / self.n_run * (self.max_iter - epoch)
            print(f"{self.name} {_losses(history, epoch)}, at most {_duration(seconds)} left")
        return False

    def end_training(self, history: History) -> None:
        """Print the epoch that is kept."""
        duration = _duration(perf_counter() - self.start)
        kept = f"epoch {history.kept}" if history.kept else "the start"
        print(f"{self.name} kept {kept} of {history.n_epochs} epochs, after {duration}")
        if history.kept == 0 and _has_fallen(history.validation):
            print(f"{self.name}: the held-out rows prove no epoch to be better than the start")


def _has_fallen(losses: list[float]) -> bool:
    """Whether an epoch had a lower loss than the start."""
    return bool(losses) and min(losses) < losses[0]


def _losses(history: History, epoch: int) -> str:
    """Return the losses of an epoch in words."""
    line = f"epoch {epoch}: loss {history.training[epoch]:.6g}"
    if history.validation:
        line += f", validation {history.validation[epoch]:.6g}"
    return line


def _duration(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes < 100 else f"{minutes / 60:.1f} h"
