"""
Is an autoencoder worth it, and how wide?
=========================================

One grid search over PCA and the autoencoder, at five bottleneck sizes each, on scikit-learn's
handwritten digits: the share of variance that the reconstruction of held-out images explains,
and the accuracy of a logistic regression fed with the codes.
"""

# %%
# The grid exchanges a step and its number of components. The scorer needs no y.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2_scorer

X, y = load_digits(return_X_y=True)
folds = KFold(3, shuffle=True, random_state=0)
widths = [2, 4, 8, 16, 32]
reducers = [PCA(random_state=0), AutoencoderTransformer(random_state=0)]
grid = {"reduce": reducers, "reduce__n_components": widths}

reduce = Pipeline([("reduce", PCA())])
by_variance = GridSearchCV(reduce, grid, scoring=reconstruction_r2_scorer, cv=folds, n_jobs=-1)
by_variance.fit(X)

# %%
# The same grid in front of a classifier that sees nothing but the codes.
steps = ("reduce", PCA()), ("scale", StandardScaler()), ("classify", LogisticRegression())
classify = Pipeline(list(steps))
by_accuracy = GridSearchCV(classify, grid, scoring="accuracy", cv=folds, n_jobs=-1).fit(X, y)

# %%
# The answer, as a table and as a picture.
_, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
searches = {"explained variance (R²)": by_variance, "accuracy": by_accuracy}
for ax, (label, search) in zip(axes, searches.items(), strict=True):
    results = search.cv_results_
    mean = results["mean_test_score"].reshape(2, len(widths))
    spread = results["std_test_score"].reshape(2, len(widths))
    print(f"{label:>24}", *(f"{width:>6}" for width in widths))
    for name, style, m, s in zip(("PCA", "autoencoder"), ("s--", "o-"), mean, spread, strict=True):
        print(f"{name:>24}", *(f"{value:6.3f}" for value in m))
        ax.errorbar(widths, m, s, fmt=style, capsize=3, label=name)
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths, labels=widths)
    ax.set(xlabel="n_components", ylabel=label)
    ax.grid(alpha=0.3)
    ax.legend()
axes[0].set_title("Reconstruction of held-out digits")
axes[1].set_title("Logistic regression on the codes")
plt.savefig("grid_search_vs_pca.png", dpi=120)
