"""
What does a reconstruction lose?
================================

Held-out digits through eight numbers: PCA's reconstructions are blurred and have shadows where no
ink was, the autoencoder's are digits. The maps on the right have the mean squared error of every
pixel, on the same scale.
"""

# %%
# Two models of the same width.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.inspection import ReconstructionDisplay
from skae.metrics import reconstruction_r2

train, test = train_test_split(load_digits().data, random_state=0)
models = {
    "PCA": PCA(8).fit(train),
    "autoencoder": AutoencoderTransformer(8, random_state=0).fit(train),
}

# %%
# One Display for each: ``from_estimator`` computes and draws, ``plot`` draws it in another way.
figure, axes = plt.subplots(2, 2, figsize=(11, 6.4), width_ratios=[2.4, 1], layout="constrained")
maps = []
for (name, model), (left, right) in zip(models.items(), axes, strict=True):
    display = ReconstructionDisplay.from_estimator(
        model, test, image_shape=(8, 8), cmap="gray_r", ax=left
    )
    left.set_title(f"{name}: explained variance {reconstruction_r2(model, test):.2f}")
    maps += display.plot(right, kind="features").images_

# %%
# Artists are attributes, and can be changed: here, the scales of the maps are made equal.
largest = max(image.get_clim()[1] for image in maps)
for image in maps:
    image.set_clim(0, largest)
plt.savefig("reconstructions.png", dpi=120)
