"""What is said where weights are to go on in another network than theirs."""

from dataclasses import fields, replace

import pytest
import torch

from skae.fitting._fitted import FittedNetwork
from skae.fitting._warm_start import copy_module
from skae.networks import (
    ConvArchitecture,
    DenseArchitecture,
    ImageLayout,
    SparseArchitecture,
    UNetArchitecture,
    VariationalArchitecture,
)

DENSE = DenseArchitecture((6, 5, 2), "silu", False, True)
PLANS = [
    DENSE,
    ConvArchitecture(ImageLayout((1, 8, 8), False), (2,), 3, "stride", 2, "silu", True),
    SparseArchitecture((6, 12), "topk", 2, 1),
    UNetArchitecture(1, 1, 4, 1, False, True, 3),
    VariationalArchitecture((6, 5, 2), "silu", True, 6, 1, 1, 0),
]
NAMED = [
    ({"sizes": (6, 5, 3)}, "n_components was 2 and is 3 now"),
    ({"sizes": (6, 2)}, r"hidden_layer_sizes was \(5,\) and is \(\) now"),
    ({"sizes": (7, 5, 2)}, "the number of features was 6 and is 7 now"),
    ({"activation": "relu"}, "activation was 'silu' and is 'relu' now"),
    ({"linear_start": False}, "init was 'pca' and is 'random' now"),
    ({"ordered": True, "tied_weights": True}, "tied_weights was .* now, ordered was .* now"),
]


def _copy(known, wanted, *purpose):
    network = FittedNetwork(known, torch.nn.Identity())
    return copy_module(network, wanted, *purpose)


@pytest.mark.parametrize(("changes", "named"), NAMED)
def test_what_differs_is_named_as_users_call_it(changes, named):
    message = rf"of the same shape, but {named}\. Give .*, or set warm_start=False to start afresh"
    with pytest.raises(ValueError, match=message):
        _copy(DENSE, replace(DENSE, **changes))


def test_what_to_do_about_a_pass():
    message = r"^partial_fit needs .* or start afresh with partial_fit of a clone\.$"
    with pytest.raises(ValueError, match=message):
        _copy(DENSE, replace(DENSE, ordered=True), "partial_fit")


@pytest.mark.parametrize(
    ("plan", "field"), [(plan, field.name) for plan in PLANS for field in fields(plan)]
)
def test_nothing_else_is_named(plan, field):
    value = getattr(plan, field)
    other = {
        bool: lambda: not value,
        int: lambda: 5 - value,
        str: lambda: "other",
        tuple: lambda: (*value[:-1], value[-1] + 1),
        ImageLayout: lambda: value._replace(shape=(1, 8, 9)),
    }[type(value)]()
    wanted = replace(plan, **{field: other})
    with pytest.raises(ValueError, match="needs a fitted network") as raised:
        _copy(plan, wanted)
    assert str(raised.value).count(" was ") == 1
    assert "Architecture" not in str(raised.value)


def test_another_kind_of_network():
    with pytest.raises(ValueError, match="kind was DenseArchitecture and is SparseArchitecture"):
        _copy(DENSE, PLANS[2])


@pytest.mark.parametrize("plan", PLANS)
def test_the_same_is_copied(plan):
    network = torch.nn.Identity()
    copied = copy_module(FittedNetwork(plan, network), replace(plan))
    assert type(copied) is torch.nn.Identity
    assert copied is not network
