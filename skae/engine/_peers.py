"""Processes that train the same network together, each with some of the rows."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


class PeerError(RuntimeError):
    """Another process of the same training has failed or is lost."""


N_PARTS = 4
"""Number of parts of large tensors: while one part travels, another one is summed."""
LARGE = 2**16
"""Number of entries from which on a tensor is summed in parts."""


class Peers:
    """A single process: everything that many would do together is done by it alone.

    Attributes
    ----------
    rank : int
        Number of this process, from 0 on.
    n_peers : int
        Number of processes, this one included.
    """

    rank = 0
    n_peers = 1

    @property
    def is_alone(self) -> bool:
        """Whether this is the only process."""
        return self.n_peers == 1

    def gather(self, value: object) -> list[Any]:
        """Return the values of all, in the order of their ranks."""
        return [value]

    def broadcast(self, value: T) -> T:
        """Return the first one's value."""
        return value

    def broadcast_(self, value: Tensor) -> None:
        """Overwrite a tensor with the first one's."""

    def add_(self, value: Tensor) -> None:
        """Overwrite a tensor with the sum of all processes' tensors."""

    def average_(self, means: Tensor, n_rows: int) -> int:
        """Overwrite means over this process's rows with the means over the rows of all.

        Parameters
        ----------
        means : Tensor of shape (n,)
            Not NaN, even if there are no rows.
        n_rows : int
            Number of this process's rows.

        Returns
        -------
        n_rows_of_all : int
        """
        return n_rows

    def average(self, values: Tensor) -> tuple[Tensor, int]:
        """Return the means over the rows of all processes, and the number of these rows.

        The gradient is that of a mean over this process's own rows, since losses, and with them
        their gradients, are weighted by each process's share of the rows.

        Parameters
        ----------
        values : Tensor of shape (n_rows, n)

        Returns
        -------
        means : Tensor of shape (n,)
        n_rows : int
        """
        return values.mean(0), len(values)

    def gather_rows(self, values: Tensor) -> Tensor:
        """Return the rows of all processes for a batch, in the order of their ranks.

        This process's own rows have a gradient, those of others have none. The gradient is
        multiplied by the number of all rows over that of the own ones, since losses, and with them
        their gradients, are weighted by each process's share of the rows. If a loss is a function
        of the returned rows, and the same for every row, then the sum of the gradients of all
        processes is the gradient that a single process would find from all rows.

        Held-out rows are the same in all processes, and are returned once for each of these.

        Parameters
        ----------
        values : Tensor of shape (n_rows, ...)
            Floats. A process may have no rows; the other axes are the same in all.

        Returns
        -------
        values_of_all : Tensor of shape (n_rows_of_all, ...)
        """
        return values

    @contextmanager
    def in_step(self) -> Iterator[None]:
        """Return a context whose errors, in any one process, are raised in all of them.

        For work that each process does alone, before the next one that is done together.

        Raises
        ------
        PeerError
            If another process has failed in the context.
        """
        yield


ALONE = Peers()


class Processes(Peers):
    """The processes of torch.distributed.

    A training has connections of its own, which end with it, so that no process waits for one that
    has failed.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.n_peers = dist.get_world_size()
        # over the connections that exist: if a process is gone, this fails at once, whereas making
        # new connections would wait for it
        self._group: Any = dist.group.WORLD
        self._together(dist.all_reduce, torch.zeros(1, device=_find_device()))
        self._group = dist.new_group(backend=_find_backend())

    def leave(self) -> None:
        """End the connections."""
        group, self._group = self._group, None
        if group is not None and group is not dist.group.WORLD:
            dist.destroy_process_group(group)

    def gather(self, value: object) -> list[Any]:
        """Return the values of all, which are pickled, in the order of their ranks."""
        values: list[Any] = [None] * self.n_peers
        self._together(dist.all_gather_object, values, value)
        return values

    def broadcast(self, value: T) -> T:
        """Return the first one's value, which is pickled."""
        values = [value]
        self._together(dist.broadcast_object_list, values, src=0)
        return value if self.rank == 0 else values[0]

    def broadcast_(self, value: Tensor) -> None:
        """Overwrite a tensor with the first one's."""
        # a copy, if the tensor is a view with gaps
        contiguous = value.contiguous()
        self._together(dist.broadcast, contiguous, src=0)
        value.copy_(contiguous)

    def add_(self, value: Tensor) -> None:
        """Overwrite a tensor with the sum of all processes' tensors."""
        parts = value.tensor_split(N_PARTS if value.numel() >= LARGE else 1)
        self._together(_add_parts_, parts)

    def average_(self, means: Tensor, n_rows: int) -> int:
        """Overwrite means over this process's rows with the means over the rows of all."""
        count = torch.tensor([n_rows])
        self.add_(count)
        n_rows_of_all = int(count)
        means.mul_(n_rows / max(1, n_rows_of_all))
        self.add_(means)
        return n_rows_of_all

    def average(self, values: Tensor) -> tuple[Tensor, int]:
        """Return the means over the rows of all processes, and the number of these rows."""
        # 0 without rows, where a mean would be NaN
        own = values.sum(0) / max(1, len(values))
        means = own.detach().clone()
        n_rows = self.average_(means, len(values))
        # the value is `means`, the gradient that of `own`
        return own + (means - own).detach(), n_rows

    def gather_rows(self, values: Tensor) -> Tensor:
        """Return the rows of all processes for a batch, in the order of their ranks."""
        counts = torch.zeros(self.n_peers, dtype=torch.int64)
        counts[self.rank] = len(values)
        self.add_(counts)
        n_rows = int(counts.sum())
        first = int(counts[: self.rank].sum())
        rows = values.new_zeros((n_rows, *values.shape[1:]))
        # summed with the zeros of others, since torch gathers tensors of equal sizes only
        rows[first : first + len(values)] = values.detach()
        self.add_(rows)
        own = _scale_gradient(values, n_rows / max(1, len(values)))
        return torch.cat([rows[:first], own, rows[first + len(values) :]])

    @contextmanager
    def in_step(self) -> Iterator[None]:
        """Return a context whose errors, in any one process, are raised in all of them."""
        try:
            yield
        except BaseException as error:
            with suppress(PeerError):
                self.gather(f"{type(error).__name__}: {error}")
            raise
        failures = self.gather(None)
        for rank, failure in enumerate(failures):
            if failure is not None:
                raise PeerError(
                    f"{self._name(rank)} has failed, so that no other can go on: {failure}"
                )

    def _together(self, function: Any, *args: Any, **options: Any) -> None:
        """Call a function of torch.distributed, which all processes call."""
        if self._group is None:
            raise PeerError("The connections to the other processes have ended.")
        try:
            function(*args, **options, group=self._group)
            return
        except RuntimeError as error:
            reason = str(error)
        # outside of the handler: a traceback that is kept would keep the connections open
        self.leave()
        raise PeerError(
            f"{self._name(self.rank)} has lost another one, which has failed or was ended; its "
            f"own message tells why. Fit again when all are there. (torch.distributed: {reason})"
        )

    def _name(self, rank: int) -> str:
        return f"Process {rank} of {self.n_peers} (counted from 0)"


def _add_parts_(parts: tuple[Tensor, ...], group: Any) -> None:
    """Overwrite the parts with their sums over all processes, all parts at the same time."""
    for work in [dist.all_reduce(part, group=group, async_op=True) for part in parts]:
        work.wait()


def _scale_gradient(values: Tensor, factor: float) -> Tensor:
    """Return values whose gradient is multiplied by a factor on its way back."""
    own = values.view_as(values)
    if own.requires_grad:
        own.register_hook(lambda gradient: gradient * factor)
    return own


def count_peers() -> int:
    """Return the number of processes of torch.distributed, 1 if it is not used."""
    has_group = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if has_group else 1


@contextmanager
def find_peers() -> Iterator[Peers]:
    """Return a context with the processes that train together; all of them have to enter it."""
    if count_peers() == 1:
        yield ALONE
        return
    processes = Processes()
    try:
        yield processes
        # no process leaves while its messages may be on the way to others
        processes.gather(None)
    finally:
        processes.leave()


def _find_backend() -> str:
    """Return the backend: NCCL for tensors on GPUs, if the process group uses it."""
    return "cpu:gloo,cuda:nccl" if "nccl" in str(dist.get_backend_config()) else "gloo"


def _find_device() -> torch.device:
    """Return the device of tensors that the existing connections can send."""
    is_gpus_only = dist.get_backend() == "nccl"
    return torch.device("cuda" if is_gpus_only else "cpu")
