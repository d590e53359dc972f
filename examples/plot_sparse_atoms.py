"""
Digits as sums of few atoms
===========================

Six of 128 atoms for each digit: what principal components are made of, what a sparse autoencoder
learns instead, how one digit is put together, and how many atoms a row needs.
"""

# %%
# The atoms, and the table that tells how they are used.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import SparseAutoencoder
from skae.inspection import AtomsDisplay
from skae.metrics import reconstruction_r2

train, test = train_test_split(load_digits().data, random_state=0)
coder = SparseAutoencoder(128, n_nonzero=6, random_state=0).fit(train)
table = coder.describe_components(test)
print("nonzeros per row:", coder.sparsity_, "; dead atoms:", coder.dead_components_)

# %%
# One test digit, step by step: the strongest of its atoms first.
code = coder.transform(test[:1])[0]
steps = [test[0] - coder.intercept_]
for n in range(1, 7):
    largest = np.where(code >= np.sort(code)[-n], code, 0)
    steps.append(largest @ coder.components_)

# %%
# Explained variance over the number of atoms, with the encoder and with matching pursuit.
counts = [1, 2, 3, 6, 12]
encoder, pursuit = [], []
for n in counts:
    model = SparseAutoencoder(128, n_nonzero=n, random_state=0).fit(train)
    encoder.append(model.score(test))
    pursuit.append(model.set_params(transform_algorithm="omp").score(test))
pca = [reconstruction_r2(PCA(n).fit(train), test) for n in counts]

# %%
# Each picture is divided by its largest entry; what was made by hand can be displayed, too.
_, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
pca_60 = PCA(60).fit(train)
AtomsDisplay.from_estimator(pca_60, image_shape=(8, 8), n_cols=10, ax=axes[0, 0])
axes[0, 0].set_title("Principal components")
used = table["component"][:60]
AtomsDisplay.from_estimator(coder, components=used, image_shape=(8, 8), n_cols=10, ax=axes[0, 1])
axes[0, 1].set_title("Atoms, those that carry most first")
AtomsDisplay(atoms=np.reshape(steps, (-1, 8, 8))).plot(axes[1, 0], n_cols=4)
axes[1, 0].set_title("A digit less the centre; sums of 1 to 6 of its atoms")
for values, label in (encoder, "atoms, encoder"), (pursuit, "atoms, pursuit"), (pca, "PCA"):
    axes[1, 1].plot(counts, values, "o-", label=label)
axes[1, 1].set(xlabel="nonzeros per row", ylabel="explained variance (R²)", xticks=counts)
axes[1, 1].legend()
plt.savefig("sparse_atoms.png", dpi=120)
