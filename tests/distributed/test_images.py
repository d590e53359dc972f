"""Two processes learn from images what one learns: to images, to labels, deformations."""

import numpy as np
import pytest
import torch

from skae.engine import Batch, Loader
from skae.engine._loop import _Training
from skae.fitting import _learn
from skae.fitting._loaders import Loaders

NAMES = [
    "pairs",
    "ssim",
    "patches",
    "colors",
    "masks",
    "shapes",
    "correlation",
    "shape classes",
    "atlases",
    "shape masks",
]
over_shards = pytest.mark.parametrize("n_first", [70, 99])
over_names = pytest.mark.parametrize("name", NAMES)


class Replayed(Loader):
    """Batches that were recorded, pass after pass."""

    def __init__(self, passes):
        n_rows = sum(len(batch.target) for batch in passes[0])
        dtype = passes[0][0].inputs[0].dtype
        super().__init__(n_rows, 1, dtype, torch.device("cpu"), None, None)
        self.passes = iter(passes)
        self._n_batches = len(passes[0])

    def _serve(self):
        yield from next(self.passes)


def join(ranks):
    """Return the batches of all ranks as those of one."""
    return [
        [join_batch(parts) for parts in zip(*batches, strict=True)]
        for batches in zip(*ranks, strict=True)
    ]


def join_batch(parts):
    inputs, targets = zip(*parts, strict=True)
    return Batch(tuple(map(torch.cat, zip(*inputs, strict=True))), torch.cat(targets))


@pytest.fixture(scope="module")
def results(find_results):
    return find_results(
        "images",
        "image_passes",
        "image_blocks",
        "other_images",
        "image_failures",
        "image_checkpoints",
    )


@pytest.fixture
def estimators(script):
    return script["make_image_estimators"]()


def replay(monkeypatch, passes):
    """Have fits learn from recorded batches."""
    make, replayed = _learn.make_loaders, Replayed(passes)

    def make_loaders(*arguments):
        # which draws random numbers
        assert make(*arguments).valid is None
        return Loaders(replayed, None)

    monkeypatch.setattr(_learn, "make_loaders", make_loaders)


def check_equal(found, wanted):
    for name, value in wanted["weights"].items():
        # single ones may differ by more: Adam takes steps of a size that gradients do not have
        difference = np.sqrt(np.mean((found["weights"][name] - value) ** 2))
        assert difference <= 1e-5, name
    np.testing.assert_allclose(found["results"], wanted["results"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["loss_curve"], wanted["loss_curve"], rtol=1e-5)
    np.testing.assert_allclose(found["location"], wanted["location"], atol=1e-12)
    np.testing.assert_allclose(found["scale"], wanted["scale"], rtol=1e-12)
    np.testing.assert_array_equal(found["classes"], wanted["classes"])
    assert found["best_iter"] == wanted["best_iter"] > 0


def find_alone(script, estimators, name, n_first, fit):
    """Return what one process learns from the same blocks."""
    X, y = script["data_of"](name)
    X, y = (
        part if part is None or part.ndim == 1 else Iterable([part[:n_first], part[n_first:]])
        for part in (X, y)
    )
    fit(estimators[name], X, y)
    return script["describe_images"](estimators[name], name)


class Iterable:
    """Yields blocks, anew at every call."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


@over_shards
@over_names
def test_two_processes_learn_what_one_learns_from_the_same_batches(
    results, estimators, script, monkeypatch, name, n_first
):
    ranks = [result[name, n_first] for result in results["images"]]
    monkeypatch.setattr(_Training, "_judge", script["judge_alike"])
    replay(monkeypatch, join([passes for _, passes in ranks]))
    alone = find_alone(script, estimators, name, n_first, lambda model, X, y: model.fit(X, y))
    for found, _ in ranks:
        check_equal(found, alone)


@over_names
def test_two_processes_go_over_images_as_one_does(results, estimators, script, monkeypatch, name):
    ranks = [result[name] for result in results["image_passes"]]
    joined = join([passes for _, passes in ranks])
    # the first call measures the start by a pass of its own
    assert len(joined) == 3
    replay(monkeypatch, joined)

    def fit(model, X, y):
        model.partial_fit(X, y).partial_fit(X, y)

    alone = find_alone(script, estimators, name, 70, fit)
    for found, _ in ranks:
        check_equal(found, alone)


@over_shards
@over_names
def test_all_processes_have_the_same_result(results, name, n_first):
    check_identical(*(result[name, n_first][0] for result in results["images"]))


@over_names
@pytest.mark.parametrize("kind", ["array", "blocks", "again"])
def test_held_out_images_and_what_follows_from_them_are_the_same_for_all(results, name, kind):
    first, second = (result[name, kind] for result in results["image_blocks"])
    check_identical(first, second)
    assert first["validation_curve"] == second["validation_curve"]
    assert len(set(first["validation_curve"])) > 1


def check_identical(first, second):
    for name, value in first["weights"].items():
        np.testing.assert_array_equal(value, second["weights"][name])
    np.testing.assert_array_equal(first["results"], second["results"])
    assert first["loss_curve"] == second["loss_curve"]
    assert first["best_iter"] == second["best_iter"]


def list_errors(results):
    first, second = results["other_images"]
    assert first.keys() == second.keys()
    return {case: (first[case], second[case]) for case in first}


@over_names
@pytest.mark.parametrize("kind", ["size", "channels"])
def test_images_of_other_shapes_are_an_error_of_all(results, name, kind):
    errors = list_errors(results)
    if (name, kind) == ("colors", "channels"):
        assert (name, kind) not in errors
        return
    for error, message in errors[name, kind]:
        assert error == "ValueError"
        assert "same features, but process" in message
        assert "images of shape" in message


@pytest.mark.parametrize("name", ["masks", "shape masks", "shape classes", "atlases"])
def test_labels_of_other_kinds_are_an_error_of_all(results, name):
    for error, message in list_errors(results)[name, "labels"]:
        assert error == "ValueError"
        assert "labels of one kind" in message


@pytest.mark.parametrize("name", ["masks", "shape masks", "shape classes", "atlases"])
def test_one_label_in_all_processes_is_an_error_of_all(results, name):
    for error, message in list_errors(results)[name, "one label"]:
        assert error == "ValueError"
        assert "at least two" in message


@over_names
def test_if_one_process_fails_all_end(results, name):
    others, own = (result[name] for result in results["image_failures"])
    assert own[0][0] == "ValueError"
    assert "the disk is gone" in own[0][1]
    assert others[0][0] == "PeerError"
    for _, attributes in (others, own):
        assert not [attribute for attribute in attributes if attribute.endswith("_")]


@pytest.mark.parametrize("name", ["masks", "atlases", "shape masks"])
def test_a_fit_that_ended_goes_on_to_the_same_bits(results, name):
    for error, found, expected, n_updates, files in (r[name] for r in results["image_checkpoints"]):
        assert error[0] == "InterruptedError"
        check_identical(found, expected)
        # three epochs of five
        assert n_updates % 3 == 0
        assert files == []
