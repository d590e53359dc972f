"""The likelihood of categories, found in the rows of all blocks and all processes."""

from collections.abc import Callable
from functools import reduce

from skae.engine import Peers
from skae.objectives import Categorical
from skae.rows._explained_variance import NO_ROWS
from skae.rows._reader import Reader
from skae.rows._rows import Rows
from skae.rows._survey import check_same_rows


def join_links(
    reader: Reader,
    make_link: Callable[[Rows], Categorical],
    describe_features: Callable[[], object],
    peers: Peers,
) -> Categorical:
    """Go over all blocks once, and return the likelihood of the categories in them.

    Parameters
    ----------
    reader : Reader
    make_link : callable
        Returns the likelihood of the categories of some rows.
    describe_features : callable
        Returns, after the pass, the features that all processes must have in common.
    peers : Peers

    Raises
    ------
    ValueError
        If a block cannot be used, or if there are no rows.
    """
    with peers.in_step():
        own = _go_over(reader, make_link)
    # before anything is joined: columns of different tables have nothing in common
    check_same_rows(describe_features(), peers)
    return reduce(Categorical.joined, peers.gather(own))


def _go_over(reader: Reader, make_link: Callable[[Rows], Categorical]) -> Categorical:
    found = None
    for block in reader.read_first():
        with reader.blocks.naming(block.number):
            link = make_link(block.rows)
        found = link if found is None else found.joined(link)
    if found is None:
        raise ValueError(NO_ROWS)
    return found
