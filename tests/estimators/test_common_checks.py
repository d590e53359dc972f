"""scikit-learn's own checks, none of them skipped or expected to fail."""

import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)

# the first of every class as it is, the others after a few epochs
ESTIMATORS = [
    AutoencoderTransformer(),
    AutoencoderTransformer(batch_size=8, max_iter=5),
    AutoencoderTransformer(hidden_layer_sizes=(256,), max_iter=5),
    AutoencoderTransformer(init="random", max_iter=5),
    AutoencoderTransformer(tied_weights=True, hidden_layer_sizes=(), max_iter=5),
    AutoencoderTransformer(ordered=True, max_iter=5),
    AutoencoderCV([1, 2], estimator=AutoencoderTransformer(max_iter=3), cv=2),
    VAETransformer(),
    VAETransformer(batch_size=8, max_iter=5),
    VAETransformer(hidden_layer_sizes=(256,), max_iter=5),
    VAETransformer(init="random", max_iter=5),
    VAETransformer(conditional=True, max_iter=5),
    VAETransformer(likelihood="student_t", n_importance_samples=3, max_iter=5),
    SparseAutoencoder(),
    SparseAutoencoder(batch_size=8, max_iter=5),
    SparseAutoencoder(256, sparsity="l1", max_iter=5, random_state=0),
    SparseAutoencoder(sparsity="kl", init="random", max_iter=5),
    SparseAutoencoder(sparsity="jumprelu", max_iter=5),
    SparseAutoencoder(transform_algorithm="omp", max_iter=5),
    ConvAutoencoder(max_iter=10),
    ConvAutoencoder(ordered=True, max_iter=3),
    ConvAutoencoder(hidden_channels=(64, 5), init="random", batch_size=8, max_iter=3),
    ConvAutoencoder(hidden_channels=[4], pooling="max", augment="shift", max_iter=3),
]

# the checks fit constant and noisy data, on purpose
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# run by scikit-learn on its own estimators, but not by check_estimator
EXTRA_CHECKS = [
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_get_feature_names_out_error",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_set_output_transform_polars",
    "check_dataframe_column_names_consistency",
    "check_readonly_memmap_input",
]

# what they look at is the class, or its parameters: one estimator of every class is enough
CHECKS_OF_CLASSES = {
    "check_array_api_input",
    "check_array_api_mixed_inputs",
    "check_array_api_same_namespace",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_transformers_unfitted",
    "check_valid_tag_types",
    *EXTRA_CHECKS,
}
FIRST_OF_CLASS = {type(estimator): estimator for estimator in reversed(ESTIMATORS)}


def _case(estimator, check, name, label):
    """Return the parameters of a test, marked if another estimator of the class has them too."""
    is_first = FIRST_OF_CLASS[type(estimator)] is estimator
    marks = () if is_first or name not in CHECKS_OF_CLASSES else pytest.mark.full
    return pytest.param(estimator, check, marks=marks, id=f"{estimator!r}-{label}")


def _common_cases():
    for estimator in ESTIMATORS:
        for _, check in estimator_checks.estimator_checks_generator(estimator):
            arguments = ", ".join(f"{name}={value}" for name, value in check.keywords.items())
            name = check.func.__name__
            yield _case(estimator, check, name, f"{name}({arguments})")


@pytest.mark.parametrize(("estimator", "check"), list(_common_cases()))
def test_common_checks(estimator, check):
    check(clone(estimator))


# the checks mix arrays and dataframes between fit and transform, on purpose
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize(
    ("estimator", "name"), [_case(e, name, name, name) for e in ESTIMATORS for name in EXTRA_CHECKS]
)
def test_extra_checks(estimator, name):
    check = getattr(estimator_checks, name)
    check(type(estimator).__name__, estimator)


def test_the_lists_are_complete():
    """A check that scikit-learn adds must not go unnoticed: at least 40 run by themselves."""
    n_checks = len(list(estimator_checks.estimator_checks_generator(ESTIMATORS[0])))
    assert n_checks >= 40
    assert all(hasattr(estimator_checks, name) for name in EXTRA_CHECKS)
