"""Who trains the same network: processes that have some of the rows each."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


class PeerError(RuntimeError):
    """Another process of the same training has failed, or is lost."""


N_PARTS = 4
"""In which large tensors are summed: while one travels, another is added up."""
LARGE = 2**16
"""Entries that are worth it."""


class Peers:
    """Nobody else: what many would do together is done alone.

    Attributes
    ----------
    rank : int
        From 0 on, whose place it is among all.
    n_peers : int
    """

    rank = 0
    n_peers = 1

    @property
    def is_alone(self) -> bool:
        """Whether there is nobody else."""
        return self.n_peers == 1

    def gather(self, value: object) -> list[Any]:
        """Return the value of everybody."""
        return [value]

    def share(self, value: T) -> T:
        """Return the value of the first."""
        return value

    def share_(self, value: Tensor) -> None:
        """Put the value of the first in its place."""

    def add_(self, value: Tensor) -> None:
        """Put the sum of everybody's values in its place."""

    def average_(self, means: Tensor, n_rows: int) -> int:
        """Put the means over all rows in the place of those over one's own.

        Parameters
        ----------
        means : Tensor of shape (n,)
            Numbers, also where there are no rows.
        n_rows : int
            How many are one's own.

        Returns
        -------
        n_rows_of_all : int
        """
        return n_rows

    def average(self, values: Tensor) -> tuple[Tensor, int]:
        """Return means over all rows of a batch, and how many these are.

        The gradient is that of one's own rows' part, as a mean over them has it.

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
        """Return the rows of all for a batch, those of the first process first.

        One's own rows have a gradient, those of others have none. The gradient is multiplied by the
        number of all rows over that of one's own, since a process counts its losses, and with them
        their gradients, by its share of the rows. For a value that is the same for every row, such
        as a function of the rows that this returns, the sum of the gradients of all processes is
        then the one that a single process would have found from all rows.

        Held-out rows are the same in all processes, and are returned once for each of these.

        Parameters
        ----------
        values : Tensor of shape (n_rows, ...)
            Of floats. No rows are as good as some; the other axes are the same for all.

        Returns
        -------
        values_of_all : Tensor of shape (n_rows_of_all, ...)
        """
        return values

    @contextmanager
    def in_step(self) -> Iterator[None]:
        """Have what goes wrong for one, before anything is done together, raised for all.

        Raises
        ------
        PeerError
            If it has gone wrong for another one.
        """
        yield


ALONE = Peers()


class Processes(Peers):
    """The processes of torch.distributed.

    They have connections of their own, which end with a training, so that nobody waits for one
    who has failed in it.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.n_peers = dist.get_world_size()
        # connections there are break where a process is gone; new ones would be waited for
        self._group: Any = dist.group.WORLD
        self._together(dist.all_reduce, torch.zeros(1, device=_find_device()))
        self._group = dist.new_group(backend=_find_backend())

    def leave(self) -> None:
        """End the connections."""
        group, self._group = self._group, None
        if group is not None and group is not dist.group.WORLD:
            dist.destroy_process_group(group)

    def gather(self, value: object) -> list[Any]:
        """Return the value of everybody, which can be pickled."""
        values: list[Any] = [None] * self.n_peers
        self._together(dist.all_gather_object, values, value)
        return values

    def share(self, value: T) -> T:
        """Return the value of the first, which can be pickled."""
        values = [value]
        self._together(dist.broadcast_object_list, values, src=0)
        return value if self.rank == 0 else values[0]

    def share_(self, value: Tensor) -> None:
        """Put the value of the first in its place."""
        lies_there = value.contiguous()
        self._together(dist.broadcast, lies_there, src=0)
        value.copy_(lies_there)

    def add_(self, value: Tensor) -> None:
        """Put the sum of everybody's values in its place."""
        parts = value.tensor_split(N_PARTS if value.numel() >= LARGE else 1)
        self._together(_add_parts_, parts)

    def average_(self, means: Tensor, n_rows: int) -> int:
        """Put the means over all rows in the place of those over one's own."""
        count = torch.tensor([n_rows])
        self.add_(count)
        n_rows_of_all = int(count)
        means.mul_(n_rows / max(1, n_rows_of_all))
        self.add_(means)
        return n_rows_of_all

    def average(self, values: Tensor) -> tuple[Tensor, int]:
        """Return means over all rows of a batch, and how many these are."""
        own = values.sum(0) / max(1, len(values))
        means = own.detach().clone()
        n_rows = self.average_(means, len(values))
        return own + (means - own).detach(), n_rows

    def gather_rows(self, values: Tensor) -> Tensor:
        """Return the rows of all for a batch, those of the first process first."""
        counts = torch.zeros(self.n_peers, dtype=torch.int64)
        counts[self.rank] = len(values)
        self.add_(counts)
        n_rows = int(counts.sum())
        first = int(counts[: self.rank].sum())
        rows = values.new_zeros((n_rows, *values.shape[1:]))
        # sums with zeros: processes need not have as many rows as others, as they would elsewhere
        rows[first : first + len(values)] = values.detach()
        self.add_(rows)
        own = _scale_gradient(values, n_rows / max(1, len(values)))
        return torch.cat([rows[:first], own, rows[first + len(values) :]])

    @contextmanager
    def in_step(self) -> Iterator[None]:
        """Have what goes wrong for one, before anything is done together, raised for all."""
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
        """Do what all do at the same time."""
        if self._group is None:
            raise PeerError("The connections to the other processes have ended.")
        try:
            function(*args, **options, group=self._group)
            return
        except RuntimeError as error:
            reason = str(error)
        # outside of the above: a traceback that is kept would keep the connections
        self.leave()
        raise PeerError(
            f"{self._name(self.rank)} has lost another one, which has failed or was ended; its "
            f"own message tells why. Fit again when all are there. (torch.distributed: {reason})"
        )

    def _name(self, rank: int) -> str:
        return f"Process {rank} of {self.n_peers} (counted from 0)"


def _add_parts_(parts: tuple[Tensor, ...], group: Any) -> None:
    """Put the sums of everybody's parts in their place, all on the way at the same time."""
    for work in [dist.all_reduce(part, group=group, async_op=True) for part in parts]:
        work.wait()


def _scale_gradient(values: Tensor, factor: float) -> Tensor:
    """Return values whose gradient is multiplied by a factor on its way back."""
    own = values.view_as(values)
    if own.requires_grad:
        own.register_hook(lambda gradient: gradient * factor)
    return own


def count_peers() -> int:
    """Return how many processes train together: those of torch.distributed, if it has any."""
    has_group = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if has_group else 1


@contextmanager
def find_peers() -> Iterator[Peers]:
    """Give those that train together; all of them have to come."""
    if count_peers() == 1:
        yield ALONE
        return
    processes = Processes()
    try:
        yield processes
        # nobody leaves while others may need what they have sent
        processes.gather(None)
    finally:
        processes.leave()


def _find_backend() -> str:
    """Return what sends tensors: to GPUs directly, if all others are sent so."""
    return "cpu:gloo,cuda:nccl" if "nccl" in str(dist.get_backend_config()) else "gloo"


def _find_device() -> torch.device:
    """Return where the connections that there are take tensors from."""
    is_gpus_only = dist.get_backend() == "nccl"
    return torch.device("cuda" if is_gpus_only else "cpu")
