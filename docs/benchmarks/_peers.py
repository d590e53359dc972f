"""Trainings of one and the same autoencoder, by skae and by others.

    python docs/benchmarks/_peers.py NAME SIZES N_ROWS

prints the seconds that an epoch takes, by the difference between fits of 6 and of 2 epochs. SIZES
are the widths of the encoder's layers, such as 784,128,32; the decoder mirrors them. ReLU, Adam,
batches of 128 rows; one thread, or OMP_NUM_THREADS.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import sys
import time
import warnings
from itertools import pairwise

import numpy as np

BATCH = 128
LEARNING_RATE = 1e-3


def mirrored(sizes):
    """Return the widths of all layers."""
    return (*sizes, *sizes[-2::-1])


def bare(X, sizes, n_epochs, linear=False):
    """Multiply matrices as a training does, and do nothing else.

    `linear`: with those of a linear path beside encoder and decoder.
    """
    import torch

    sizes = mirrored(sizes)
    middle = len(sizes) // 2
    x = [torch.randn(BATCH, size) for size in sizes]
    results = [torch.empty(BATCH, size) for size in sizes]
    weights = [torch.randn(n_out, n_in) for n_in, n_out in pairwise(sizes)]
    transposed = [w.T for w in weights]
    gradients = [torch.empty_like(w) for w in weights]
    x_transposed = [part.T for part in x]
    axes = torch.randn(sizes[middle], sizes[0])
    for _ in range(n_epochs * round(len(X) / BATCH)):
        for i, w in enumerate(transposed):
            torch.mm(x[i], w, out=results[i + 1])
        for i in reversed(range(len(weights))):
            torch.mm(x_transposed[i + 1], x[i], out=gradients[i])
            if i:
                torch.mm(x[i + 1], weights[i], out=results[i])
        if linear:
            torch.mm(x[0], axes.T, out=results[middle])
            torch.mm(x[middle], axes, out=results[-1])
            torch.mm(x[-1], axes.T, out=results[middle])


def bare_linear(X, sizes, n_epochs):
    """Multiply the matrices of a network with a linear path."""
    bare(X, sizes, n_epochs, linear=True)


def skae(X, sizes, n_epochs):
    """Fit an AutoencoderTransformer without its linear path."""
    from skae import AutoencoderTransformer

    AutoencoderTransformer(
        sizes[-1],
        hidden_layer_sizes=sizes[1:-1],
        activation="relu",
        init="random",
        weight_decay=0.0,
        learning_rate="constant",
        learning_rate_init=LEARNING_RATE,
        batch_size=BATCH,
        early_stopping=False,
        max_iter=n_epochs,
        random_state=0,
        device="cpu",
    ).fit(X)


def skae_default(X, sizes, n_epochs):
    """Fit an AutoencoderTransformer as it is, but for the batch size."""
    from skae import AutoencoderTransformer

    AutoencoderTransformer(
        sizes[-1],
        hidden_layer_sizes=sizes[1:-1],
        batch_size=BATCH,
        early_stopping=False,
        max_iter=n_epochs,
        random_state=0,
        device="cpu",
    ).fit(X)


def skae_all_threads(X, sizes, n_epochs):
    """Fit the same with as many threads as torch has."""
    from skae.engine import _threads

    _threads.WORK_PER_THREAD = 1
    skae_default(X, sizes, n_epochs)


def torch_layers(sizes):
    """Return layers of a sequential torch network."""
    from torch import nn

    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return layers[:-1]


def torch_network(sizes):
    """Return an autoencoder in plain torch."""
    from torch import nn

    return nn.Sequential(*torch_layers(sizes), *torch_layers(sizes[::-1]))


def torch_loop(X, sizes, n_epochs):
    """Train with the loop of every tutorial; return the network."""
    import torch

    x = torch.from_numpy(X)
    network = torch_network(sizes)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            batch = x[rows]
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(batch), batch).backward()
            optimizer.step()
    return network


def scikit_learn(X, sizes, n_epochs, seed=0):
    """Fit MLPRegressor, whose code has an activation as well; return it."""
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(
        hidden_layer_sizes=mirrored(sizes)[1:-1],
        batch_size=BATCH,
        learning_rate_init=LEARNING_RATE,
        alpha=0.0,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
        tol=0.0,
        random_state=seed,
    ).fit(X, X)


def skorch(X, sizes, n_epochs):
    """Fit skorch's NeuralNetRegressor."""
    import torch
    from skorch import NeuralNetRegressor

    NeuralNetRegressor(
        torch_network(sizes),
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=BATCH,
        max_epochs=n_epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    ).fit(X, X)


def pythae(X, sizes, n_epochs):
    """Train pythae's AE, with networks of ours."""
    import logging
    import tempfile

    from pythae.models import AE, AEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig
    from torch import nn

    logging.disable(logging.CRITICAL)

    class Encoder(BaseEncoder):
        def __init__(self):
            BaseEncoder.__init__(self)
            self.layers = nn.Sequential(*torch_layers(sizes))

        def forward(self, x):
            return ModelOutput(embedding=self.layers(x))

    class Decoder(BaseDecoder):
        def __init__(self):
            BaseDecoder.__init__(self)
            self.layers = nn.Sequential(*torch_layers(sizes[::-1]))

        def forward(self, z):
            return ModelOutput(reconstruction=self.layers(z))

    model = AE(AEConfig(input_dim=(sizes[0],), latent_dim=sizes[-1]), Encoder(), Decoder())
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=n_epochs,
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=BATCH,
            optimizer_cls="Adam",
            no_cuda=True,
        )
        TrainingPipeline(model=model, training_config=config)(train_data=X)


def pyod(X, sizes, n_epochs):
    """Fit PyOD's AutoEncoder."""
    from pyod.models.auto_encoder import AutoEncoder

    AutoEncoder(
        hidden_neuron_list=list(sizes[1:]),
        batch_norm=False,
        dropout_rate=0.0,
        lr=LEARNING_RATE,
        optimizer_params={"weight_decay": 0.0},
        batch_size=BATCH,
        epoch_num=n_epochs,
        preprocessing=False,
        verbose=0,
    ).fit(X)


def keras(X, sizes, n_epochs):
    """Fit a sequential Keras model."""
    import tensorflow
    from keras import Sequential, layers, optimizers

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    widths, middle = mirrored(sizes)[1:], len(sizes) - 2
    model = Sequential(
        [
            layers.Dense(width, "linear" if i in (middle, len(widths) - 1) else "relu")
            for i, width in enumerate(widths)
        ]
    )
    model.compile(optimizers.Adam(LEARNING_RATE), "mse")
    model.fit(X, X, batch_size=BATCH, epochs=n_epochs, verbose=0)


KINDS = {
    function.__name__: function
    for function in (
        bare,
        bare_linear,
        skae,
        skae_default,
        skae_all_threads,
        torch_loop,
        scikit_learn,
        skorch,
        pythae,
        pyod,
        keras,
    )
}


def seconds_per_epoch(train, X, sizes, few=2, many=6):
    """Return what an epoch takes, without what it takes to begin."""
    train(X[:1000], sizes, 1)
    times = []
    for n_epochs in (few, many):
        start = time.perf_counter()
        train(X, sizes, n_epochs)
        times.append(time.perf_counter() - start)
    return (times[1] - times[0]) / (many - few)


def main(name, sizes, n_rows):
    """Print seconds per epoch."""
    warnings.simplefilter("ignore")
    sizes = tuple(map(int, sizes.split(",")))
    X = np.random.default_rng(0).normal(size=(int(n_rows), sizes[0])).astype(np.float32)
    print(seconds_per_epoch(KINDS[name], X, sizes))


if __name__ == "__main__":
    main(*sys.argv[1:])
