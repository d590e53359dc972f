"""
How probable are new rows? Beside PCA and factor analysis
=========================================================

PCA and factor analysis are probability models, and scikit-learn's `score` of both is the mean
log-likelihood of rows. So is `VAETransformer.score`: the three can be compared, on rows that none
of them has seen, and the number of components can be chosen by it.
"""

# %%
# Digits are whole numbers; noise of half a grey level makes them continuous, as a density needs.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skae import VAETransformer

digits = load_digits().data
digits = digits + np.random.default_rng(0).uniform(-0.5, 0.5, digits.shape)
data = {"breast cancer": load_breast_cancer().data, "digits": digits}
models = {
    "PCA": (PCA, {}),
    "factor analysis": (FactorAnalysis, {"random_state": 0}),
    "VAE": (VAETransformer, {"random_state": 0}),
    "VAE, noise per feature": (
        VAETransformer,
        {"likelihood": "gaussian_diagonal", "random_state": 0},
    ),
}
widths = [1, 4, 16]

# %%
# The VAE starts at the two linear models, and leaves them only for what held-out rows confirm.
_, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
for ax, (title, X) in zip(axes, data.items(), strict=True):
    train, test = train_test_split(X, random_state=0)
    scaler = StandardScaler(with_std=title != "digits").fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    print(f"{title + ', nats per row':>24}", *(f"{width:>7}" for width in widths))
    for (name, (Model, parameters)), style in zip(
        models.items(), ("s--", "^--", "o-", "D-"), strict=True
    ):
        scores = [Model(width, **parameters).fit(train).score(test) for width in widths]
        print(f"{name:>24}", *(f"{score:7.1f}" for score in scores))
        ax.plot(widths, scores, style, label=name, markersize=5)
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths, labels=widths)
    ax.set(title=title, xlabel="n_components", ylabel="log-likelihood of new rows (nats)")
    ax.grid(alpha=0.3)
axes[0].legend()
plt.savefig("vae_likelihood.png", dpi=120)
