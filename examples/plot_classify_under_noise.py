"""
Classes under noise
===================

A classifier by shapes beside others, while images get worse: by random noise, and by one small
perturbation for all of them, which is made to mislead the classifier. Which of several classifiers
is more robust than another is seen in this way; that one is robust is not.
"""

# %%
# Shapes with two, three or four lobes, of any brightness, turned and moved. All classifiers learn
# from the same images; two of them from codes that were found without the classes.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import ConvAutoencoder
from skae.datasets import make_deformed_shapes
from skae.metrics import adversarial_examples
from skae.registration import GeoSICClassifier

shapes = make_deformed_shapes(500, random_pose=0.15, contrast=0.3, random_state=0)
(X, X_new), (y, y_new) = np.split(shapes.images, [300]), np.split(shapes.target, [300])
flat = FunctionTransformer(np.reshape, kw_args={"shape": (-1, 1024)})
codes = ConvAutoencoder(40, random_state=0)
models = {
    "PCA": make_pipeline(flat, PCA(40), StandardScaler(), LogisticRegression()),
    "autoencoder": make_pipeline(codes, StandardScaler(), LogisticRegression()),
    "Geo-SIC": GeoSICClassifier(max_iter=70, random_state=0),
}
figure, axes = plt.subplot_mosaic("aaabbbccc;ddddeeeee", layout="constrained")
import time
noise = np.random.default_rng(0).normal(size=X_new.shape)
for n, m in models.items():
    t = time.process_time(); m.fit(X, y); print(n, m.score(X_new, y_new), time.process_time() - t)
for s in np.linspace(0, 1, 6):
    print(s, [m.score(X_new + s * noise, y_new) for m in models.values()])
for e in (0, .005, .01, .02, .04, .08, .16):
    t = time.process_time()
    print(e, [m.score(adversarial_examples(m, X_new, y_new, attack="universal", epsilon=e, n_steps=10), y_new) for m in models.values()], time.process_time() - t)
