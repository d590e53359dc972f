"""All that fitted estimators consist of can be written as plain values."""

import inspect

import pytest

from skae import networks, objectives
from skae.fitting._state import CLASSES, restored, simplified


@pytest.mark.parametrize("module", [networks, objectives], ids=lambda m: m.__name__)
def test_no_class_is_forgotten(module):
    kinds = (networks.Architecture, objectives.ReconstructionLoss, objectives.Likelihood)
    for name, cls in inspect.getmembers(module, inspect.isclass):
        if issubclass(cls, kinds) and not inspect.isabstract(cls):
            assert CLASSES[name] is cls


def test_what_is_not_ours_stays_as_it_is():
    value = {"class": "x", "other": (1, [2, {3}])}
    assert restored(simplified(value)) == value


def test_what_names_no_class_of_ours_is_refused():
    with pytest.raises(KeyError, match="Popen"):
        restored({"class": "Popen", "state": {}})
