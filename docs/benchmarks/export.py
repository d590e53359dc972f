"""Models of ONNX beside the Pipelines they were exported from: differences and times of calls.

    python docs/benchmarks/export.py

Handwritten digits of scikit-learn in float32, one thread. Prints Markdown. A difference is the
largest of all entries of 1797 rows, over the largest entry; a time is the median over a second.
"""

import time

import numpy as np
import torch
from onnxruntime import InferenceSession, SessionOptions
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.export import to_onnx

SHORT = {"max_iter": 10, "random_state": 0}
PIPELINES = {
    "StandardScaler, AutoencoderTransformer(8)": make_pipeline(
        StandardScaler(), AutoencoderTransformer(8, **SHORT)
    ),
    "the same, LogisticRegression": make_pipeline(
        StandardScaler(), AutoencoderTransformer(8, **SHORT), LogisticRegression()
    ),
    "StandardScaler, VAETransformer(8)": make_pipeline(
        StandardScaler(), VAETransformer(8, **SHORT)
    ),
    "MinMaxScaler, SparseAutoencoder(128)": make_pipeline(
        MinMaxScaler(), SparseAutoencoder(128, **SHORT)
    ),
    "MinMaxScaler, ConvAutoencoder(8)": make_pipeline(
        MinMaxScaler(), ConvAutoencoder(8, image_shape=(1, 8, 8), **SHORT)
    ),
}
SECONDS = 1.0


def typical_time(call):
    """Return the median time of a call, in milliseconds."""
    call()
    times, end = [], time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def make_session(model):
    """Return a session of one thread."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    return InferenceSession(model.SerializeToString(), options)


def main():
    torch.set_num_threads(1)
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    print("| pipeline | difference | 1 row: Python, ONNX | 1000 rows: Python, ONNX | export |")
    print("|---|---|---|---|---|")
    for name, pipeline in PIPELINES.items():
        pipeline.fit(X, y)
        start = time.perf_counter()
        model = to_onnx(pipeline)
        seconds = time.perf_counter() - start
        session = make_session(model)
        is_classifier = hasattr(pipeline, "predict_proba")
        wanted = pipeline.predict_proba(X) if is_classifier else pipeline.transform(X)
        call = pipeline.predict_proba if is_classifier else pipeline.transform
        difference = np.abs(session.run(None, {"X": X})[-1] - wanted).max() / np.abs(wanted).max()
        cells = [name, f"{difference:.0e}"]
        for rows in X[:1], X[:1000]:
            python = typical_time(lambda rows=rows, call=call: call(rows))
            onnx = typical_time(lambda rows=rows, s=session: s.run(None, {"X": rows}))
            cells.append(f"{python:.2f} ms, {onnx:.3f} ms")
        print(f"| {' | '.join(cells)} | {seconds:.1f} s |")


if __name__ == "__main__":
    main()
