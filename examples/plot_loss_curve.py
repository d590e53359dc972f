"""
Did the training help?
======================

The dotted line is where every training starts: PCA. On digits the held-out loss falls to less than
half of it. On the wine data there are 18 held-out rows, and what they show is no proof: the start
is kept. Without early stopping, the last epoch is kept, and nothing guards against overfitting.
"""

# %%
# Three trainings; the losses of every epoch are kept by the estimators.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.inspection import LossCurveDisplay

digits, wine = load_digits().data, load_wine().data
on_digits = AutoencoderTransformer(8, random_state=0).fit(digits)
on_wine = make_pipeline(StandardScaler(), AutoencoderTransformer(4, random_state=0)).fit(wine)
unguarded = AutoencoderTransformer(8, early_stopping=False, random_state=0).fit(digits)

# %%
# A Pipeline is taken as it is: the step that was trained is found.
_, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
for ax, title, model in zip(
    axes,
    ("digits", "wine", "digits, early_stopping=False"),
    (on_digits, on_wine, unguarded),
    strict=True,
):
    display = LossCurveDisplay.from_estimator(model, ax=ax)
    ax.set(title=title, ylabel="share of the variance that is lost")
    print(f"{title:>30}: epoch {display.best_iter} of {len(display.loss_curve) - 1} is kept")
plt.savefig("loss_curve.png", dpi=120)
