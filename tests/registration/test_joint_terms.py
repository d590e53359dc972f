"""Terms that see the other rows of a batch, where these are those of other processes."""

from types import SimpleNamespace

import pytest
import torch
from numpy.testing import assert_allclose

from skae.registration._deformation_terms import MeanDisplacement, MeanDisplacementOfClasses

N_ROWS = 7
PLACES = torch.tensor([1, 2, 1, 0, 2, 1, 2])
TERMS = {
    "all": lambda: MeanDisplacement(2.0),
    "classes": lambda: MeanDisplacementOfClasses(2.0, 4),
}
over_terms = pytest.mark.parametrize("make", TERMS.values(), ids=TERMS)
over_shards = pytest.mark.parametrize("n_first", [0, 1, 3, 6])


def draw():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N_ROWS, 2, 5, 4, dtype=torch.float64, generator=generator) + 0.3


class Recorder:
    """Takes the means of two shards, which are asked for one after the other."""

    def __init__(self):
        self.asked = []

    def __call__(self, values):
        self.asked.append(values.detach())
        return values.sum(0) / max(1, len(values)), len(values)


def find_means(term, shards):
    """Return an average for each process; what they ask for does not depend on the answers."""
    lists = []
    for u, places in shards:
        recorder = Recorder()
        # another number of rows than its own, so that it asks for all that it needs
        term.average = lambda values, ask=recorder: (ask(values)[0], -1)
        term(SimpleNamespace(displacement=u, places=places), None)
        lists.append(recorder.asked)
    joined = [torch.cat(parts) for parts in zip(*lists, strict=True)]

    def make_average():
        answers = iter(joined)
        return lambda values: ((rows := next(answers)).mean(0), len(rows))

    return make_average


def differentiate(term, u, places):
    """Return the values of rows, and the gradient of the mean over all rows of a batch."""
    u = u.clone().requires_grad_()
    values = term(SimpleNamespace(displacement=u, places=places), None)
    (values.sum() / N_ROWS).backward()
    return values.detach(), u.grad


@over_terms
@over_shards
def test_two_processes_find_what_one_finds(make, n_first):
    u = draw()
    wanted = differentiate(make(), u, PLACES)
    shards = [(u[:n_first], PLACES[:n_first]), (u[n_first:], PLACES[n_first:])]
    make_average = find_means(make(), shards)
    found = []
    for shard in shards:
        term = make()
        term.average = make_average()
        found.append(differentiate(term, *shard))
    for parts, whole in zip(zip(*found, strict=True), wanted, strict=True):
        assert_allclose(torch.cat(parts), whole, rtol=1e-12, atol=1e-14)


@over_terms
def test_rows_of_others_matter(make):
    """The gradients of shards that know nothing of each other are different ones."""
    u = draw()
    _, wanted = differentiate(make(), u, PLACES)
    parts = [differentiate(make(), u[rows], PLACES[rows]) for rows in (slice(3), slice(3, None))]
    found = torch.cat([gradient for _, gradient in parts])
    assert (found - wanted).abs().max() > 0.01 * wanted.abs().max()


@over_terms
def test_rows_that_are_judged_are_those_of_this_process(make):
    """Held-out rows are the same in all processes: those of others are no further ones."""
    outputs = SimpleNamespace(displacement=draw(), places=PLACES)
    wanted = make()(outputs, None)
    term = make()
    term.average = None
    with torch.no_grad():
        assert_allclose(term(outputs, None), wanted, rtol=0, atol=0)
