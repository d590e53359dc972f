"""Data that many tests share, and which cases of a test are run by default."""

import os
from collections import defaultdict
from itertools import combinations

# scipy reads it at import; without it scikit-learn's array API check does not run
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

# the networks of the tests are small: more threads would only wait for each other
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits():
    """Grey values of 1797 handwritten digits, 64 pixels each, from 0 to 16."""
    return load_digits().data


@pytest.fixture(scope="session")
def iris():
    return load_iris().data


@pytest.fixture(scope="session", params=["wine", "breast_cancer", "digits"])
def table(request, digits):
    """Three data sets, standardised but for the images."""
    if request.param == "digits":
        return digits
    load = {"wine": load_wine, "breast_cancer": load_breast_cancer}[request.param]
    return StandardScaler().fit_transform(load().data)


def pytest_configure(config):
    """Register what follows."""
    config.addinivalue_line(
        "markers",
        "thinned(n): by default only so many cases of this test are run that every value of its "
        "parameters is in one of them (n = 1), or every pair of values (n = 2); others are `full`",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as `full` the cases of thinned tests that add nothing, before pytest deselects them."""
    cases = defaultdict(list)
    for item in items:
        if item.get_closest_marker("thinned") and hasattr(item, "callspec"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for of_one_test in cases.values():
        (n_together,) = of_one_test[0].get_closest_marker("thinned").args
        kept = _find_cover([_combinations(item, n_together) for item in of_one_test])
        for place, item in enumerate(of_one_test):
            if place not in kept:
                item.add_marker(pytest.mark.full)


def _combinations(item, n_together):
    """Return the values of a case, so many at a time; values that come together count as one."""
    # the very objects: values need no hash, and lists of values are gone through once
    values = {name: id(value) for name, value in item.callspec.params.items()}
    together = [_names(mark.args[0]) for mark in item.iter_markers("parametrize")]
    alone = values.keys() - {name for names in together for name in names}  # of fixtures
    groups = sorted([*together, *((name,) for name in alone)])
    chosen = [(names, tuple(values[name] for name in names)) for names in groups]
    return {*combinations(chosen, min(n_together, len(chosen)))}


def _names(argnames):
    """Return the names of parameters, which are a string or a sequence of strings."""
    names = argnames.split(",") if isinstance(argnames, str) else argnames
    return tuple(name.strip() for name in names)


def _find_cover(sets):
    """Return the places of few sets that have all elements of all of them; greedy."""
    missing, kept = set().union(*sets), set()
    while missing:
        best = max(range(len(sets)), key=lambda place: len(sets[place] & missing))
        kept.add(best)
        missing -= sets[best]
    return kept
