"""
Features for a classifier
=========================

A Pipeline of scaler, reducer and classifier. The reducer never sees a label, yet a logistic
regression does better on two, four or eight of the autoencoder's numbers than on as many of
PCA's, because the classes that overlap in PCA's plane lie apart on a curved surface.
"""

# %%
# The same Pipeline twice, with another reducer, over three stratified splits.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.inspection import LatentSpaceDisplay

X, y = load_digits(return_X_y=True)
splits = StratifiedShuffleSplit(3, test_size=0.3, random_state=0)
widths = [2, 4, 8]

print(f"{'accuracy':>24}", *(f"{width:>6}" for width in widths))
for reducer in PCA(random_state=0), AutoencoderTransformer(random_state=0):
    pipeline = Pipeline(
        [
            ("reduce", reducer),
            ("scale", StandardScaler()),
            ("classify", LogisticRegression(max_iter=1000)),
        ]
    )
    accuracy = [
        cross_val_score(pipeline.set_params(reduce__n_components=k), X, y, cv=splits).mean()
        for k in widths
    ]
    print(f"{type(reducer).__name__:>24}", *(f"{a:6.3f}" for a in accuracy))

# %%
# What a classifier sees with two components: the codes of all digits.
_, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained")
for ax, reducer in zip(axes, (PCA(2), AutoencoderTransformer(2, random_state=0)), strict=True):
    LatentSpaceDisplay.from_estimator(reducer.fit(X), X, y, scatter_kwargs={"s": 5}, ax=ax)
    ax.set_title(f"{type(reducer).__name__}, two components")
plt.savefig("features_for_a_classifier.png", dpi=120)
