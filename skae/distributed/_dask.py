"""Fits by the workers of dask."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import urlparse

import numpy as np
import torch.distributed as dist

from skae.blocks import ListedBlocks
from skae.engine import PeerError

if TYPE_CHECKING:
    from dask.array import Array
    from dask.dataframe import DataFrame, Series
    from dask.delayed import Delayed
    from distributed import Client, Future
    from sklearn.base import BaseEstimator

    Collection: TypeAlias = Array | DataFrame | Series
    Pair: TypeAlias = tuple[Sequence[object], Sequence[object] | None]
    """A partition of X, and its classes."""

E = TypeVar("E")

TIMEOUT = timedelta(minutes=5)
"""How long workers wait for each other at the beginning of a fit."""
SECONDS_BETWEEN_LOOKS = 0.2
"""Time between two checks of the state of the workers."""
SECONDS_OF_DOUBT = 10.0
"""How long to wait for the cause after a worker reports that it has lost another one."""


def fit(
    estimator: E, X: Collection, y: Collection | None = None, client: Client | None = None
) -> E:
    """Fit an estimator to a dask collection, on the workers that hold it.

    The workers train one model together: each uses its own partitions, and the gradients of every
    batch are averaged over all workers. Partitions stay on their workers and must fit in memory. A
    fit occupies one thread of every worker, all at the same time.

    Parameters
    ----------
    estimator : estimator
        An estimator that can be fitted to blocks. It is not changed.
    X : dask array of shape (n_samples, ...) or dask dataframe
        Training data.
    y : dask array or series of shape (n_samples,), default=None
        Classes for a conditional model, in the same blocks of rows as X. Ignored otherwise.
    client : distributed.Client, default=None
        The client of the workers. None: the client that was created last.

    Returns
    -------
    estimator : estimator
        A fitted copy in this process, which no longer needs dask.

    Raises
    ------
    ImportError
        If dask.distributed is not installed.
    TypeError
        If X is not a dask collection.
    ValueError
        If X or a parameter is not valid, or if the training diverges.
    RuntimeError
        If a worker is lost during the fit.

    Examples
    --------
    >>> import dask.array as da
    >>> from dask.distributed import Client
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.distributed import fit
    >>> X = da.from_array(load_digits().data, chunks=(200, 64))
    >>> with Client(processes=False, dashboard_address=":0", n_workers=1) as client:
    ...     autoencoder = fit(AutoencoderTransformer(8, max_iter=5), X, client=client)
    >>> autoencoder.transform(X).shape
    (1797, 8)
    """
    client = _choose_client(client)
    shards = _compute_shards(X, y, client)
    workers = list(shards)
    address = _choose_address(workers, client)
    # pure=False: dask must not take the result of an earlier fit with equal arguments
    futures = [
        client.submit(
            _fit_shard,
            deepcopy(estimator),
            shard,
            _Part(rank, len(workers), address),
            workers=worker,
            allow_other_workers=False,
            pure=False,
        )
        for rank, (worker, shard) in enumerate(shards.items())
    ]
    try:
        _wait(futures, workers, client)
        return cast("E", futures[0].result())
    finally:
        client.cancel(futures)


class _Part(NamedTuple):
    """The place of a worker among all workers of a fit.

    Attributes
    ----------
    rank : int
        Number of the worker, from 0 to ``n_workers - 1``.
    n_workers : int
        Number of workers.
    address : str
        The address at which the workers meet.
    """

    rank: int
    n_workers: int
    address: str


def _choose_client(client: Client | None) -> Client:
    try:
        from distributed import default_client
    except ImportError as error:
        raise ImportError(
            "Fitting on workers of dask needs dask.distributed. Install it with: pip install "
            "'skae[distributed]'"
        ) from error
    return default_client() if client is None else client


def _compute_shards(X: Collection, y: Collection | None, client: Client) -> dict[str, list[Future]]:
    """Compute X and y on the workers, and return the shard of every worker that has rows.

    A shard is a list of futures, each of a partition of X and one of y.
    """
    from dask.delayed import delayed

    if not hasattr(X, "to_delayed"):
        raise TypeError(
            f"X must be a dask array or dataframe. Got {type(X).__name__} instead, for which the "
            "estimator's own method fit suffices."
        )
    rows = _list_partitions(X)
    classes = [None] * len(rows) if y is None else _list_partitions(y)
    if len(rows) != len(classes):
        raise ValueError(
            f"y must have the same blocks of rows as X. Got {len(classes)} blocks for X's "
            f"{len(rows)}."
        )
    pair = delayed(_make_pair, pure=False)
    futures = client.compute([pair(*parts) for parts in zip(rows, classes, strict=True)])
    lengths = client.gather(client.map(_count_rows, futures))
    # a partition may be on several workers: min makes the choice reproducible
    places = client.who_has(futures)
    shards: dict[str, list[Future]] = {}
    for future, length in zip(futures, lengths, strict=True):
        if length > 0:
            shards.setdefault(min(places[future.key]), []).append(future)
    if not shards:
        raise ValueError("X has no rows: all of its partitions are empty.")
    return shards


def _make_pair(X: Sequence[object], y: Sequence[object] | None) -> Pair:
    if y is not None and len(X) != len(y):
        raise ValueError(
            f"y must have the same blocks of rows as X. A block of X has {len(X)} rows, that of y "
            f"{len(y)}."
        )
    return X, y


def _count_rows(pair: Pair) -> int:
    return len(pair[0])


def _list_partitions(X: Collection) -> list[Delayed]:
    """Return the partitions of a dataframe, or blocks of whole rows of an array."""
    if not hasattr(X, "rechunk"):
        partitions: list[Delayed] = X.to_delayed()
        return partitions
    # -1: one chunk along every axis but the first
    whole = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    blocks: list[Delayed] = whole.to_delayed().ravel().tolist()
    return blocks


def _choose_address(workers: list[str], client: Client) -> str:
    """Return an address on the first worker's machine at which all workers can meet.

    Raises
    ------
    ValueError
        If some of the workers are threads of one process.
    """
    # torch.distributed allows one rank per process
    if len(workers) == 1:
        return ""
    processes = client.run(_describe_process, workers=workers)
    if len(set(processes.values())) < len(workers):
        raise ValueError(
            "Every worker must be a process of its own, but some are threads of the same process. "
            "Start the workers with processes=True."
        )
    host = urlparse(workers[0]).hostname
    port = client.run(_choose_port, host, workers=workers[:1])[workers[0]]
    return f"tcp://{host}:{port}"


def _describe_process() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


def _choose_port(host: str) -> int:
    """Return a free port."""
    # port 0 lets the operating system choose one
    with socket.socket() as free:
        free.bind((host, 0))
        port: int = free.getsockname()[1]
        return port


def _fit_shard(estimator: BaseEstimator, shard: list[Pair], part: _Part) -> BaseEstimator | None:
    """Fit to the shard of a worker; return the estimator on the first worker, None on others."""
    # dask has replaced the futures of the shard by their results
    X = ListedBlocks([rows for rows, _ in shard])
    has_classes = shard[0][1] is not None
    y = np.concatenate([np.asarray(classes) for _, classes in shard]) if has_classes else None
    if part.n_workers == 1:
        return estimator.fit(X, y)
    if dist.is_initialized():
        raise RuntimeError(
            "This worker has a group of torch.distributed already, from another fit."
        )
    dist.init_process_group(
        "gloo",
        init_method=part.address,
        rank=part.rank,
        world_size=part.n_workers,
        timeout=TIMEOUT,
    )
    try:
        estimator.fit(X, y)
    finally:
        dist.destroy_process_group()
    return estimator if part.rank == 0 else None


def _wait(futures: list[Future], workers: list[str], client: Client) -> None:
    """Wait until all workers have finished.

    Raises
    ------
    RuntimeError
        If a worker is lost. dask itself would wait for it to come back.
    Exception
        If a worker fails: the error of this worker, not the errors of others that wait for it.
    """
    began = None
    while not all(future.status == "finished" for future in futures):
        lost = set(workers) - client.nthreads().keys()
        if lost:
            raise RuntimeError(
                f"The fit has lost the worker {min(lost)}, which was ended or cannot be reached. "
                "Fit again. If the worker ran out of memory, use smaller partitions or more "
                "workers."
            )
        gone = [future.status for future in futures if future.status in ("cancelled", "lost")]
        if gone:
            raise RuntimeError(f"The fit was {gone[0]}: dask no longer knows its tasks. Fit again.")
        errors = [future.exception() for future in futures if future.status == "error"]
        # a PeerError says only that another worker has failed, whose own error may come later
        for error in errors:
            if not isinstance(error, PeerError):
                raise error
        if errors:
            began = began or time.monotonic()
            if time.monotonic() > began + SECONDS_OF_DOUBT:
                raise errors[0]
        time.sleep(SECONDS_BETWEEN_LOOKS)
