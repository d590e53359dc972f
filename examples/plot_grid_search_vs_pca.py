"""
Is an autoencoder worth it, and how wide?
=========================================

One grid search over PCA and the autoencoder, at five bottleneck sizes each, on scikit-learn's
handwritten digits: the share of variance that the reconstruction of held-out images explains,
and the accuracy of a logistic regression fed with the codes.
"""

# %%
# The grid: a step that is exchanged, and its number of components. The scorer takes anything
# with ``transform`` and ``inverse_transform`` and needs no y.
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2_scorer

X, y = load_digits(return_X_y=True)
folds = KFold(3, shuffle=True, random_state=0)
reducers = [PCA(random_state=0), AutoencoderTransformer(random_state=0)]
widths = [2, 4, 8, 16, 32]

search = GridSearchCV(
    Pipeline([("reduce", reducers[0])]),
    {"reduce": reducers, "reduce__n_components": widths},
    scoring=reconstruction_r2_scorer,
    cv=folds,
    n_jobs=-1,
).fit(X)

# %%
# The same folds for a classifier that sees nothing but the codes.
results = pd.DataFrame(search.cv_results_)
results["reducer"] = [type(reducer).__name__ for reducer in results["param_reduce"]]
results["accuracy"] = [
    cross_val_score(
        Pipeline(
            [
                ("reduce", p["reduce"].set_params(n_components=p["reduce__n_components"])),
                ("scale", StandardScaler()),
                ("classify", LogisticRegression(max_iter=1000)),
            ]
        ),
        X,
        y,
        cv=folds,
        n_jobs=-1,
    ).mean()
    for p in results["params"]
]

# %%
# The answer as a table ...
table = results.pivot_table(
    index="param_reduce__n_components", columns="reducer", values=["mean_test_score", "accuracy"]
).rename(columns={"mean_test_score": "explained variance"})
table.index.name = "n_components"
print(table.round(3).to_string())

# %%
# ... and as a picture.
_, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for reducer, rows in results.groupby("reducer", sort=False):
    style = {"marker": "o", "linestyle": "--" if reducer == "PCA" else "-", "label": reducer}
    sizes = rows["param_reduce__n_components"].astype(int)
    axes[0].errorbar(
        sizes, rows["mean_test_score"], yerr=rows["std_test_score"], capsize=3, **style
    )
    axes[1].plot(sizes, rows["accuracy"], **style)
axes[0].set(title="Reconstruction of held-out digits", ylabel="Explained variance (R²)")
axes[1].set(title="Logistic regression on the codes", ylabel="Accuracy")
for ax in axes:
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths, labels=widths)
    ax.set_xlabel("Bottleneck size (n_components)")
    ax.grid(alpha=0.3)
    ax.legend()
plt.savefig("grid_search_vs_pca.png", dpi=120)
