"""
Is an autoencoder worth it, and how wide?
=========================================

One grid search over PCA and the autoencoder, at five bottleneck sizes each, on scikit-learn's
handwritten digits: the share of variance that the reconstruction of held-out images explains,
and the accuracy of a logistic regression fed with the codes.
"""

# %%
# The grid exchanges a step of the Pipeline and its number of components. The scorer takes
# anything with ``transform`` and ``inverse_transform`` and needs no y.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.inspection import BottleneckCurveDisplay
from skae.metrics import reconstruction_r2_scorer

X, y = load_digits(return_X_y=True)
folds = KFold(3, shuffle=True, random_state=0)
widths = [2, 4, 8, 16, 32]
grid = {
    "reduce": [PCA(random_state=0), AutoencoderTransformer(random_state=0)],
    "reduce__n_components": widths,
}

reconstruct = Pipeline([("reduce", PCA())])
by_variance = GridSearchCV(
    reconstruct, grid, scoring=reconstruction_r2_scorer, cv=folds, n_jobs=-1
).fit(X)

# %%
# The same grid in front of a classifier that sees nothing but the codes.
classify = Pipeline(
    [("reduce", PCA()), ("scale", StandardScaler()), ("classify", LogisticRegression())]
)
by_accuracy = GridSearchCV(classify, grid, scoring="accuracy", cv=folds, n_jobs=-1).fit(X, y)

# %%
# The answer, as a table and as a picture; the ring is what the search has chosen.
_, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
searches = {"explained variance": by_variance, "accuracy": by_accuracy}
for ax, (label, search) in zip(axes, searches.items(), strict=True):
    display = BottleneckCurveDisplay.from_search(search, ax=ax)
    print(f"{label:>24}", *(f"{width:>6}" for width in widths))
    for name, scores in display.test_scores.items():
        print(f"{name:>24}", *(f"{value:6.3f}" for value in scores.mean(axis=1)))
axes[0].set_title("Reconstruction of held-out digits")
axes[1].set_title("Logistic regression on the codes")
plt.savefig("grid_search_vs_pca.png", dpi=120)
