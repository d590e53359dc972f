"""What notebooks show of an estimator."""

import pytest
import sklearn
from sklearn.utils.fixes import parse_version

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)

ESTIMATORS = [
    AutoencoderTransformer(2),
    AutoencoderTransformer(2, ordered=True),
    VAETransformer(2),
    SparseAutoencoder(8),
    ConvAutoencoder(2),
    AutoencoderCV([1, 2], cv=2, estimator=AutoencoderTransformer(max_iter=1)),
]


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones show no fitted attributes",
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_parameters_and_attributes_are_described(iris, estimator):
    if not isinstance(estimator, AutoencoderCV):
        estimator.set_params(max_iter=1)
    shown = estimator.fit(iris)._repr_html_()
    described = shown.count('<span class="param-doc-description"')
    n_attributes = shown[shown.index("Fitted attributes") :].count('class="fitted-att-type"')
    assert n_attributes > 5
    assert described == len(estimator.get_params()) + n_attributes
