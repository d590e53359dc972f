"""
Starts at PCA and only gets better
==================================

Before training, the model is PCA. Training lowers the error of rows that were held out, or the
model stays PCA: three tables, and what eight numbers say of a handwritten digit.
"""

# %%
# Digits, measurements of tumours, and 178 wines, of which those held out are too few for a proof.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error

X, X_test = train_test_split(load_digits().data, random_state=0)
tables = {
    "digits, 8 of 64": (X, 8),
    "breast cancer, 15 of 30": (scale(load_breast_cancer().data), 15),
    "wine, 2 of 13": (scale(load_wine().data), 2),
}

# %%
# Entry 0 of ``validation_curve_`` is PCA's error, ``best_iter_`` is the epoch that is kept.
fits = {}
for name, (rows, width) in tables.items():
    fits[name] = model = AutoencoderTransformer(width, random_state=0).fit(rows)
    print(f"{name:>24}: kept epoch {model.best_iter_:3d} of {model.n_iter_:3d}")

# %%
# The errors of held-out rows, and new digits through eight numbers.
figure = plt.figure(figsize=(10, 3.8), layout="constrained")
left, right = figure.subfigures(1, 2, wspace=0.05)
ax = left.subplots()
for (name, model), color, height in zip(fits.items(), ("C0", "C2", "C1"), (-16, 8, 8), strict=True):
    curve = np.array(model.validation_curve_) / model.validation_curve_[0]
    ax.plot(curve, color=color)
    ax.plot(model.best_iter_, curve[model.best_iter_], "o", color=color, clip_on=False, zorder=3)
    place = {"xy": (len(curve), curve[-1]), "xytext": (-10, height), "textcoords": "offset points"}
    ax.annotate(name, color=color, **place)
ax.axhline(1, color="k", linestyle="--", linewidth=1)
ax.text(130, 1.02, "PCA", ha="right")
ax.set(xlabel="epoch", ylabel="error over PCA's", title="Held-out error; dots are what is kept")
ax.set(xlim=(0, 132), ylim=(0.35, 1.1))

rows = {"original": X_test}
for name, model in ("PCA", PCA(8).fit(X)), ("autoencoder", fits["digits, 8 of 64"]):
    error = reconstruction_error(model, X_test)
    rows[f"{name}, squared error {error:.0f}"] = model.inverse_transform(model.transform(X_test))
for ax, (name, digits) in zip(right.subplots(3, 1), rows.items(), strict=True):
    pictures = np.pad(digits[:6].reshape(-1, 8, 8), [(0, 0), (0, 0), (0, 1)])
    ax.imshow(np.hstack(list(pictures)), cmap="gray_r", vmin=0, vmax=16)
    ax.set(xticks=[], yticks=[], title=name)
plt.savefig("starts_at_pca.png", dpi=110)
