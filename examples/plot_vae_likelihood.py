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
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAETransformer
from skae.inspection import BottleneckCurveDisplay
from skae.model_selection import bottleneck_curve

digits = load_digits().data
digits = digits + np.random.default_rng(0).uniform(-0.5, 0.5, digits.shape)
data = {"breast cancer": load_breast_cancer().data, "digits": digits}
models = {
    "PCA": PCA(),
    "factor analysis": FactorAnalysis(random_state=0),
    "VAE": VAETransformer(random_state=0),
    "VAE, noise per feature": VAETransformer(likelihood="gaussian_diagonal", random_state=0),
}


# %%
# The VAE starts at the two linear models, and leaves them only for what held-out rows confirm.
def log_likelihood(model, X):
    """Return the mean log-likelihood of rows."""
    return model.score(X)


_, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
for ax, (title, X) in zip(axes, data.items(), strict=True):
    scaler = StandardScaler(with_std=title != "digits")
    curve = bottleneck_curve(
        {name: make_pipeline(scaler, model) for name, model in models.items()},
        X,
        n_components=[1, 4, 16],
        cv=ShuffleSplit(1, test_size=0.25, random_state=0),
        scoring=log_likelihood,
    )
    print(f"{title + ', nats per row':>24}", *(f"{width:>7}" for width in curve.n_components))
    for name, scores in curve.test_scores.items():
        print(f"{name:>24}", *(f"{score:7.1f}" for score in scores[:, 0]))
    BottleneckCurveDisplay.from_curve(curve, ax=ax)
    ax.set(title=title, ylabel="log-likelihood of new rows (nats)")
axes[1].get_legend().remove()
plt.savefig("vae_likelihood.png", dpi=120)
