"""Whatever scikit-learn builds with autoencoders, of steps that skl2onnx knows."""

import numpy as np
import onnx
import pandas as pd
import pytest
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.export import to_onnx

SHORT = {"init": "random", "max_iter": 3, "early_stopping": False, "random_state": 0}
DENSE = AutoencoderTransformer(3, hidden_layer_sizes=(8,), **SHORT)
VARIATIONAL = VAETransformer(2, hidden_layer_sizes=(8,), **{**SHORT, "init": "pca"})
SPARSE = SparseAutoencoder(12, sparsity="l1", **{**SHORT, "init": "rows"})

TRANSFORMERS = {
    "StandardScaler": (make_pipeline(StandardScaler(), DENSE), "real"),
    "StandardScaler, far from zero": (make_pipeline(StandardScaler(), DENSE), "far"),
    "MinMaxScaler": (make_pipeline(MinMaxScaler(), SPARSE), "real"),
    "no autoencoder": (make_pipeline(StandardScaler(), PCA(2)), "real"),
    "a union": (
        FeatureUnion(
            [("a", DENSE), ("b", PCA(2)), ("c", VARIATIONAL), ("d", "drop")],
            transformer_weights={"a": 2.0},
        ),
        "real",
    ),
    "columns": (
        ColumnTransformer(
            [
                ("a", make_pipeline(StandardScaler(), DENSE), [0, 2, 3, 4]),
                ("b", PCA(2), slice(5, 9)),
            ],
            remainder="passthrough",
        ),
        "real",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_codes_on_one_row_and_on_a_thousand(name, data, run, assert_equal):
    estimator, X = TRANSFORMERS[name][0], data[TRANSFORMERS[name][1]]
    estimator.fit(X)
    if name.endswith("far from zero") and abs(estimator[0].transform(X).mean()) < 1e-6:
        pytest.skip("this scikit-learn subtracts means in float64, and ONNX's scaler does not")
    model = to_onnx(estimator)
    onnx.checker.check_model(model, full_check=True)
    assert not model.functions
    for rows in X, X[:1]:
        (got,) = run(model, X=rows).values()
        assert_equal(got, estimator.transform(rows))


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(), RandomForestClassifier(5, random_state=0)], ids=repr
)
def test_classes_and_probabilities(classifier, data, labels, run):
    X = data["real"]
    estimator = make_pipeline(StandardScaler(), DENSE, classifier).fit(X, labels)
    model = to_onnx(estimator)
    for rows in X, X[:1]:
        got = run(model, X=rows)
        assert list(got) == ["label", "probabilities"]
        np.testing.assert_array_equal(got["label"], estimator.predict(rows))
        np.testing.assert_allclose(
            got["probabilities"], estimator.predict_proba(rows), rtol=0, atol=1e-5
        )


def test_images_for_a_regression(data, run):
    images, target = data["images"], data["images"][:, 2, 2]
    reducer = ConvAutoencoder(3, hidden_channels=(2,), kernel_size=3, **SHORT)
    estimator = make_pipeline(reducer, Ridge()).fit(images, target)
    model = to_onnx(estimator)
    for rows in images, images[:1]:
        (got,) = run(model, X=rows).values()
        np.testing.assert_allclose(got[:, 0], estimator.predict(rows), atol=1e-5)


class TestTables:
    @pytest.fixture
    def table(self, data):
        frame = pd.DataFrame(data["real"][:, :4], columns=list("abcd"))
        return frame.assign(kind=np.where(frame.a > 5, "high", "low"))

    def test_columns_by_name_in_one_input(self, table, run, assert_equal):
        numbers = table[list("abcd")]
        estimator = ColumnTransformer([("n", DENSE, ["d", "a", "b"])]).fit(numbers)
        (got,) = run(to_onnx(estimator), X=numbers.to_numpy()).values()
        assert_equal(got, estimator.transform(numbers))

    def test_an_input_for_every_column(self, table, labels, run):
        encode = ColumnTransformer(
            [
                ("n", make_pipeline(StandardScaler(), DENSE), ["d", "a", "b"]),
                ("k", OneHotEncoder(sparse_output=False), ["kind"]),
            ]
        )
        estimator = make_pipeline(encode, LogisticRegression()).fit(table, labels)
        types = [(name, FloatTensorType([None, 1])) for name in "abd"]
        model = to_onnx(estimator, initial_types=[*types, ("kind", StringTensorType([None, 1]))])
        inputs = {name: table[[name]].to_numpy() for name in ("a", "b", "d", "kind")}
        np.testing.assert_allclose(
            run(model, **inputs)["probabilities"], estimator.predict_proba(table), atol=1e-5
        )

    def test_inputs_of_several_types_are_joined_in_single_precision(self, data, run, assert_equal):
        X = data["real"]
        estimator = make_pipeline(DENSE).fit(X)
        types = [("a", DoubleTensorType([None, 4])), ("b", FloatTensorType([None, 6]))]
        model = to_onnx(estimator, initial_types=types)
        (got,) = run(model, a=X[:, :4].astype(np.float64), b=X[:, 4:]).values()
        assert_equal(got, estimator.transform(X))


class Unknown(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X


class TestRefusals:
    @pytest.mark.parametrize("steps", [[Unknown()], [Unknown(), DENSE]], ids=["alone", "a step"])
    def test_estimators_that_nobody_can_export(self, steps, data):
        estimator = make_pipeline(*steps).fit(data["real"])
        with pytest.raises(TypeError, match=r"Pipeline cannot be exported(.|\n)*Unknown"):
            to_onnx(estimator)

    def test_methods_of_autoencoders(self, data):
        estimator = make_pipeline(DENSE).fit(data["real"])
        with pytest.raises(ValueError, match=r"is for autoencoders\. A Pipeline is exported with"):
            to_onnx(estimator, method="inverse_transform")

    def test_inputs_that_are_not_known(self):
        texts = make_pipeline(CountVectorizer()).fit(["a word", "another word"])
        with pytest.raises(ValueError, match="Give initial_types"):
            to_onnx(texts)

    @pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=repr)
    def test_strings_without_types_of_inputs(self, encoder):
        table = pd.DataFrame({"a": np.arange(20.0), "kind": list("xyxyx" * 4)})
        columns = ColumnTransformer([("n", StandardScaler(), ["a"]), ("k", encoder, ["kind"])])
        for estimator in (columns, make_pipeline(columns, PCA(1))):
            with pytest.raises(ValueError, match=r"fitted to strings, .* Give initial_types"):
                to_onnx(estimator.fit(table))

    @pytest.mark.parametrize("place", [0, 1])
    def test_steps_that_are_not_fitted(self, data, place):
        estimator = make_pipeline(StandardScaler(), StandardScaler(), PCA(2)).fit(data["real"])
        estimator.steps[place] = ("a", AutoencoderTransformer(3))
        with pytest.raises(NotFittedError, match="AutoencoderTransformer"):
            to_onnx(estimator)
