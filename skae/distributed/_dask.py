"""Fits by the workers of dask."""

import os
import socket
import time
from copy import deepcopy
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlparse

import numpy as np
import torch.distributed as dist

from skae.blocks import ListedBlocks
from skae.engine import PeerError

E = TypeVar("E")

TIMEOUT = timedelta(minutes=5)
"""So long workers wait for each other at the beginning."""
SECONDS_BETWEEN_LOOKS = 0.2
"""At what has become of the workers."""
SECONDS_OF_DOUBT = 10.0
"""So long after a worker has lost another one, it may turn out why."""


def fit(estimator: E, X: Any, y: Any = None, client: Any = None) -> E:
    """Fit an estimator to a collection of dask, by the workers that hold it.

    Each worker learns from its own partitions, and the gradients of every batch are averaged over
    all workers: they train one model. Rows do not travel, but are held in memory. A worker trains
    in one of its threads, and a fit needs one of each at the same time.

    Parameters
    ----------
    estimator : estimator
        One that can be fitted to blocks. It stays as it is.
    X : dask array of shape (n_samples, ...) or dask dataframe
        Training data.
    y : dask array or series of shape (n_samples,), default=None
        Classes for a conditional model, in blocks of as many rows as X has. Otherwise ignored.
    client : distributed.Client, default=None
        None: the one that was made last.

    Returns
    -------
    estimator : estimator
        A fitted copy in this process, which knows nothing of dask.

    Raises
    ------
    ImportError
        If dask.distributed is not installed.
    TypeError
        If X is no collection of dask.
    ValueError
        If X or a parameter is not valid, or if the training diverges.
    RuntimeError
        If a worker is lost.

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
    client = _find_client(client)
    shards = _find_shards(X, y, client)
    workers = list(shards)
    address = _find_address(workers, client)
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
        fitted: E = futures[0].result()
        return fitted
    finally:
        client.cancel(futures)


class _Part(NamedTuple):
    """What a worker has to know of the others.

    Attributes
    ----------
    rank : int
        From 0 on.
    n_workers : int
    address : str
        Where they meet.
    """

    rank: int
    n_workers: int
    address: str


def _find_client(client: Any) -> Any:
    try:
        from distributed import default_client
    except ImportError as error:
        raise ImportError(
            "Fits by the workers of dask need dask.distributed. Install it with: pip install "
            "'skae[distributed]'"
        ) from error
    return default_client() if client is None else client


def _find_shards(X: Any, y: Any, client: Any) -> dict[str, list[Any]]:
    """Have workers compute X and y; return futures of pairs of partitions with rows, by worker."""
    from dask.delayed import delayed

    if not hasattr(X, "to_delayed"):
        raise TypeError(
            f"X must be a dask array or dataframe. Got {type(X).__name__}, to which an estimator "
            "is fitted by its own method fit."
        )
    rows = _find_partitions(X)
    classes = [None] * len(rows) if y is None else _find_partitions(y)
    if len(rows) != len(classes):
        raise ValueError(
            f"y must have the same blocks of rows as X. Got {len(classes)} blocks for X's "
            f"{len(rows)}."
        )
    pair = delayed(_make_pair, pure=False)
    futures = client.compute([pair(*parts) for parts in zip(rows, classes, strict=True)])
    lengths = client.gather(client.map(_count_rows, futures))
    places = client.who_has(futures)
    shards: dict[str, list[Any]] = {}
    for future, length in zip(futures, lengths, strict=True):
        if length > 0:
            shards.setdefault(min(places[future.key]), []).append(future)
    if not shards:
        raise ValueError("X has no rows: all of its partitions are empty.")
    return shards


def _make_pair(X: Any, y: Any) -> tuple[Any, Any]:
    if y is not None and len(X) != len(y):
        raise ValueError(
            f"y must have the same blocks of rows as X. A block of X has {len(X)} rows, that of y "
            f"{len(y)}."
        )
    return X, y


def _count_rows(pair: tuple[Any, Any]) -> int:
    return len(pair[0])


def _find_partitions(X: Any) -> list[Any]:
    """Return the partitions of a dataframe, or the blocks of whole rows of an array."""
    if not hasattr(X, "rechunk"):
        partitions: list[Any] = X.to_delayed()
        return partitions
    whole = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    blocks: list[Any] = whole.to_delayed().ravel().tolist()
    return blocks


def _find_address(workers: list[str], client: Any) -> str:
    """Return where workers can meet.

    Raises
    ------
    ValueError
        If some of them are threads of one process.
    """
    if len(workers) == 1:
        return ""
    processes = client.run(_describe_process, workers=workers)
    if len(set(processes.values())) < len(workers):
        raise ValueError(
            "Workers must be processes, one each, but some are threads of the same. Start them "
            "with processes=True."
        )
    host = urlparse(workers[0]).hostname
    port = client.run(_find_port, host, workers=workers[:1])[workers[0]]
    return f"tcp://{host}:{port}"


def _describe_process() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


def _find_port(host: str) -> int:
    """Return a port that is free."""
    with socket.socket() as free:
        free.bind((host, 0))
        port: int = free.getsockname()[1]
        return port


def _fit_shard(estimator: Any, shard: list[Any], part: _Part) -> Any:
    """Fit, on a worker; the first one gives the result."""
    X = ListedBlocks([rows for rows, _ in shard])
    has_classes = shard[0][1] is not None
    y = np.concatenate([np.asarray(classes) for _, classes in shard]) if has_classes else None
    if part.n_workers == 1:
        return estimator.fit(X, y)
    if dist.is_initialized():
        raise RuntimeError("This worker has a group of torch.distributed, of another fit.")
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


def _wait(futures: list[Any], workers: list[str], client: Any) -> None:
    """Wait for all.

    Raises
    ------
    RuntimeError
        If a worker is lost; its task would be waiting for it.
    Exception
        If one of them fails: its own, rather than that of others who miss it.
    """
    began = None
    while not all(future.status == "finished" for future in futures):
        lost = set(workers) - client.nthreads().keys()
        if lost:
            raise RuntimeError(
                f"The fit has lost the worker {min(lost)}, which was ended or cannot be reached. "
                "Fit again; if it was ended for its memory, with smaller partitions or more "
                "workers."
            )
        gone = [future.status for future in futures if future.status in ("cancelled", "lost")]
        if gone:
            raise RuntimeError(f"The fit was {gone[0]}: its tasks are known no more. Fit again.")
        errors = [future.exception() for future in futures if future.status == "error"]
        for error in errors:
            if not isinstance(error, PeerError):
                raise error
        if errors:
            began = began or time.monotonic()
            if time.monotonic() > began + SECONDS_OF_DOUBT:
                raise errors[0]
        time.sleep(SECONDS_BETWEEN_LOOKS)
