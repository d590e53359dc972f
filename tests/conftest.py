"""Data that many tests share."""

import os

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
