"""
The bottleneck curve from one fit
=================================

How much of the variance of held-out digits do 1, 2, ... 16 numbers explain? PCA answers with one
fit, for its components are nested. An autoencoder with ordered components does so as well: here
beside a fit of its own for every width, and PCA.
"""

# %%
# An estimator with ``ordered=True`` is fitted once and truncated, the others for every width.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import ShuffleSplit

from skae import AutoencoderTransformer
from skae.inspection import BottleneckCurveDisplay
from skae.model_selection import bottleneck_curve

X = load_digits().data
estimators = {
    "a fit for every width": AutoencoderTransformer(random_state=0),
    "one ordered fit": AutoencoderTransformer(ordered=True, random_state=0),
    "PCA": PCA(),
}
curve = bottleneck_curve(
    estimators,
    X,
    n_components=[1, 2, 3, 4, 6, 8, 12, 16],
    cv=ShuffleSplit(1, test_size=0.25, random_state=0),
)
for name, scores in curve.test_scores.items():
    seconds = curve.fit_times[name].sum()
    print(f"{name:>22}", *(f"{score:6.3f}" for score in scores[:, 0]), f"{seconds:6.1f} s")

# %%
# The curve, and what each component adds on the training rows.
_, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
BottleneckCurveDisplay.from_curve(curve, ax=axes[0])
axes[0].set_title("Held-out digits")
ordered = AutoencoderTransformer(16, ordered=True, random_state=0).fit(X)
numbers = range(1, 17)
axes[1].bar(numbers, ordered.explained_variance_ratio_, label="autoencoder", alpha=0.7)
ratio = PCA(16).fit(X).explained_variance_ratio_
axes[1].step(numbers, ratio, "k", where="mid", label="PCA")
axes[1].set(xlabel="component", ylabel="share of the variance", title="What each component adds")
axes[1].grid(alpha=0.3)
axes[1].legend()
plt.savefig("bottleneck_curve.png", dpi=120)
