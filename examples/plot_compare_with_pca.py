"""
Is a nonlinear bottleneck worth it here?
========================================

One call compares an autoencoder with PCA in the same folds, and answers in a sentence: whether
the difference is beyond noise, and how many components to take. On the 178 rows of the wine data
it is not; on two thousand digits it is.
"""

# %%
# In a Pipeline, PCA takes the place of the autoencoder for the comparison. Behind a scaler, the
# scorer should count all features equally, too.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.inspection import BottleneckCurveDisplay
from skae.metrics import standardized_reconstruction_r2_scorer
from skae.model_selection import compare_with_pca

wine = compare_with_pca(
    load_wine().data,
    estimator=make_pipeline(StandardScaler(), AutoencoderTransformer(random_state=0)),
    scoring=standardized_reconstruction_r2_scorer,
    random_state=0,
)
print("Wine:", wine.summary)

# %%
# Images are compared as they are; thirty epochs are enough to see.
digits = compare_with_pca(
    load_digits().data,
    estimator=AutoencoderTransformer(max_iter=30, random_state=0),
    n_components=[1, 2, 4, 8, 16],
    random_state=0,
)
print("Digits:", digits.summary)

# %%
# Mean differences, their standard errors and p-values, for every number of components.
for k, *values in zip(
    digits.curve.n_components, digits.difference, digits.standard_error, digits.p_value, strict=True
):
    print(f"{k:4d}", *(f"{value:9.2g}" for value in values))

# %%
# The pictures. Bands are one standard error of the mean wide to either side.
_, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for comparison, ax in zip((wine, digits), axes, strict=True):
    BottleneckCurveDisplay.from_comparison(comparison, ax=ax)
plt.savefig("compare_with_pca.png", dpi=120)
