"""`torch.export` takes the modules of every autoencoder, for any number of rows."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skae import VAETransformer


def _rows_of_the_encoder(estimator, X):
    """Return what the encoder sees of rows."""
    if not isinstance(estimator, VAETransformer):
        return X.reshape(len(X), -1)
    return estimator._link.inputs(torch.from_numpy(X)).numpy().astype(np.float32)


def _exported(module, x):
    dynamic = ({0: torch.export.Dim("n_samples")},)
    return torch.export.export(module, (x[:2],), dynamic_shapes=dynamic).module()


def test_modules_are_exported_with_any_number_of_rows(case):
    estimator, X = case
    x = torch.from_numpy(_rows_of_the_encoder(estimator, X))
    code = torch.from_numpy(np.random.default_rng(0).random((50, estimator.n_components_)))
    if getattr(estimator, "classes_", None) is not None:
        code = torch.cat([code, torch.eye(2).repeat(25, 1)], 1)
    for module, rows in (estimator.encoder_, x), (estimator.decoder_, code.float()):
        exported = _exported(module, rows)
        for some in rows, rows[:1]:
            with torch.no_grad():
                torch.testing.assert_close(exported(some), module(some))


@pytest.mark.parametrize("name", ["dense, far from zero", "sparse, topk, far from zero"])
def test_modules_are_as_precise_as_the_methods(fit, name):
    estimator, X = fit(name)
    with torch.no_grad():
        codes = estimator.encoder_(torch.from_numpy(X)).numpy()
    wanted = estimator.transform(X)
    assert np.abs(codes - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_exported_modules_learn(fit):
    estimator, X = fit("sparse, jumprelu")
    exported = _exported(clone(estimator).fit(X).encoder_, torch.from_numpy(X))
    exported(torch.from_numpy(X)).square().mean().backward()
    gradients = [p.grad for name, p in exported.named_parameters() if name.endswith("weight")]
    assert gradients
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
