"""Rows that are read one after the other, served in batches."""

from collections.abc import Callable, Generator, Iterable, Iterator

import torch
from torch import Tensor

from skae.engine._batch import Batch
from skae.engine._batches import gather
from skae.engine._changes import BatchChange
from skae.engine._loader import Loader
from skae.engine._peers import ALONE, Peers


class StreamedBatches(Loader):
    """Rows that do not fit into memory, shuffled in a pool.

    When the pool is full, half of its rows are served, in random order, before more are read.

    Parameters
    ----------
    read : callable
        Given a generator, which draws all its random numbers, yields tensors of shape
        (any number, width), with `n_rows` rows in all.
    as_batch : callable
        Makes a batch of such rows, shape (n, width).
    n_rows : int
    batch_size : int
        The largest batch.
    pool : Tensor of shape (at least 2 * batch_size, width)
        On the CPU; is written to.
    generator : torch.Generator
        Draws a new order at every iteration.
    change : BatchChange, default=None
        Applied to each batch as it is served.
    device : torch.device, default=None
        Device of the batches. None: the CPU.
    peers : Peers, default=ALONE
        The processes that serve rows at the same time.
    """

    def __init__(
        self,
        read: Callable[[torch.Generator], Iterable[Tensor]],
        as_batch: Callable[[Tensor], Batch],
        n_rows: int,
        batch_size: int,
        pool: Tensor,
        generator: torch.Generator,
        change: BatchChange | None = None,
        device: torch.device | None = None,
        peers: Peers = ALONE,
    ) -> None:
        place = pool.device if device is None else device
        super().__init__(n_rows, batch_size, pool.dtype, place, generator, change, peers)
        self.read = read
        self.as_batch = as_batch
        self.pool = pool
        self._place = pool.new_empty(0)
        self._draws = generator

    def _serve(self) -> Iterator[Batch]:
        sizes = self.sizes(self.n_rows)
        n_there = 0
        for rows in self.read(self._draws):
            while len(rows):
                added, rows = rows[: len(self.pool) - n_there], rows[len(self.pool) - n_there :]
                self.pool[n_there : n_there + len(added)] = added
                n_there += len(added)
                if n_there == len(self.pool):
                    n_there = yield from self._empty(n_there, n_there // 2, sizes)
        yield from self._empty(n_there, 0, sizes)
        for _ in sizes:  # other processes have more rows
            yield self.as_batch(self.pool[:0])

    def _empty(
        self, n_there: int, n_left: int, sizes: Iterator[int]
    ) -> Generator[Batch, None, int]:
        """Yield batches until about `n_left` rows are left; return their number.

        They are moved to the beginning of the pool.
        """
        order = torch.randperm(n_there, generator=self._draws)
        n_served = 0
        while n_there - n_served > n_left:
            rows = order[n_served : n_served + next(sizes)]
            n_served += len(rows)
            yield self.as_batch(gather(self.pool, rows, self._place))
        left = order[n_served:]
        self.pool[: len(left)] = self.pool[left]
        return len(left)
