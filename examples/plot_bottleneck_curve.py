"""
The bottleneck curve from one fit
=================================

How much of the variance of held-out digits do 1, 2, ... 16 numbers explain? PCA answers with one
fit, for its components are nested. An autoencoder with ordered components does so as well: here
beside a fit of its own for every width, and PCA.
"""

# %%
# One fit with ``ordered=True``. ``truncate`` gives the estimator of every smaller width.
import time

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

X, X_test = train_test_split(load_digits().data, random_state=0)
widths = [1, 2, 3, 4, 6, 8, 12, 16]

start = time.perf_counter()
ordered = AutoencoderTransformer(16, ordered=True, random_state=0).fit(X)
one_fit = [reconstruction_r2(ordered.truncate(k), X_test) for k in widths]
seconds = {"one ordered fit": time.perf_counter() - start}

# %%
# A fit for every width, and PCA.
start = time.perf_counter()
fits = [AutoencoderTransformer(k, random_state=0).fit(X) for k in widths]
apart = [reconstruction_r2(fit, X_test) for fit in fits]
seconds["a fit for every width"] = time.perf_counter() - start

start = time.perf_counter()
pca = [reconstruction_r2(PCA(k).fit(X), X_test) for k in widths]
seconds["PCA"] = time.perf_counter() - start

# %%
# The curve, and what each component adds on the training rows.
_, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
curves = {"a fit for every width": apart, "one ordered fit": one_fit, "PCA": pca}
for (name, curve), style in zip(curves.items(), ("^:", "o-", "s--"), strict=True):
    axes[0].plot(widths, curve, style, label=f"{name}, {seconds[name]:.1f} s")
    print(f"{name:>22}", *(f"{value:6.3f}" for value in curve), f"{seconds[name]:6.1f} s")
axes[0].set(xlabel="n_components", ylabel="explained variance (R²)", title="Held-out digits")
axes[0].legend()
numbers = range(1, 17)
axes[1].bar(numbers, ordered.explained_variance_ratio_, label="autoencoder", alpha=0.7)
ratio = PCA(16).fit(X).explained_variance_ratio_
axes[1].step(numbers, ratio, "k", where="mid", label="PCA")
axes[1].set(xlabel="component", ylabel="share of the variance", title="What each component adds")
axes[1].legend()
for ax in axes:
    ax.grid(alpha=0.3)
plt.savefig("bottleneck_curve.png", dpi=120)
