"""Files that were damaged, cut off or made up are refused, and saving never harms a file."""

import errno
import hashlib
import json
import os
import re
import signal
import time
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import save as save_arrays
from sklearn.base import is_classifier
from torch import Tensor
from torch.overrides import TorchFunctionMode

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.image import ImageToImageRegressor
from skae.persistence import _files, load, save
from skae.registration import DiffeomorphicAutoencoder, GeoSICClassifier

VAE = VAETransformer(2, hidden_layer_sizes=(5,))
ESTIMATORS = [
    AutoencoderTransformer(2, hidden_layer_sizes=(5,)),
    VAE,
    SparseAutoencoder(6),
    ConvAutoencoder(2, image_shape=(1, 2, 2), hidden_channels=(2,)),
    # the number of the first channels is in the kernels alone
    ConvAutoencoder(2, image_shape=(1, 2, 2), hidden_channels=(2, 2)),
    ImageToImageRegressor(
        corruption="gaussian", image_shape=(1, 2, 2), base_channels=1, depth=1, filter_size=3
    ),
    DiffeomorphicAutoencoder(2, image_shape=(1, 2, 2), hidden_channels=(2,)),
    GeoSICClassifier(2, image_shape=(1, 2, 2), hidden_channels=(2,), per_class_atlas=True),
]


@pytest.fixture(
    scope="module",
    params=ESTIMATORS,
    ids=lambda e: f"{type(e).__name__}, {getattr(e, 'hidden_channels', None)}",
)
def saved(request, iris, tmp_path_factory):
    """Return the path of a good file and its bytes."""
    path = tmp_path_factory.mktemp("good") / "file"
    estimator = request.param.set_params(max_iter=1, random_state=0)
    y = np.arange(50) % 3 if is_classifier(estimator) else None
    save(estimator.fit(iris[:50], y), path)
    return path, path.read_bytes()


class LargestTensor(TorchFunctionMode):
    """Remembers how many bytes the largest tensor has: tracemalloc does not see them."""

    n_bytes = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.n_bytes = max(self.n_bytes, result.nbytes)
        return result


def rare(value):
    """Mark a value between others."""
    return pytest.param(value, marks=pytest.mark.full)


CLASSES_OF_VAE = '["n_shared", 1], ["n_classes", '


@pytest.fixture
def refused(tmp_path, record_property):
    """Return what has the bytes of a file refused, with no more memory than ten times as many."""
    n_tries = 0

    def load_and_measure(raw):
        nonlocal n_tries
        n_tries += 1
        path = tmp_path / "file"
        path.write_bytes(raw)
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="cannot be loaded: ") as refusal:
                load(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 10 * len(raw) + 500_000
        return str(refusal.value)

    yield load_and_measure
    record_property("tries", n_tries)


def test_flipped_bits(saved, refused):
    _, raw = saved
    random_state = np.random.RandomState(0)
    for place in random_state.randint(len(raw), size=100):
        changed = bytearray(raw)
        changed[place] ^= 1 << random_state.randint(8)
        refused(bytes(changed))


def test_truncations_and_additions(saved, refused):
    _, raw = saved
    random_state = np.random.RandomState(0)
    for length in (0, 1, 7, 8, 9, len(raw) - 1, *random_state.randint(len(raw), size=14)):
        refused(raw[:length])
    for more in (b"\0", b"more", raw):
        message = refused(raw + more)
        assert "its checksum is wrong" in message


@pytest.mark.thinned(1)
@pytest.mark.parametrize("size", [2**20, 2**40, 2**63, 2**64 - 1])
def test_huge_headers(saved, refused, size):
    _, raw = saved
    assert "complete safetensors" in refused(size.to_bytes(8, "little") + raw[8:])


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04" + bytes(100), b"\x80\x04." * 50, bytes(100)])
def test_other_files(refused, raw):
    refused(raw)


def _parts(raw):
    """Return header and arrays of a file."""
    n_header = int.from_bytes(raw[:8], "little")
    text = json.loads(raw[8 : 8 + n_header])["__metadata__"]["skae"]
    arrays = _files._safetensors().load(raw)
    return json.loads(text), arrays


def _sealed(header, arrays):
    """Return a file with the right checksum, whatever it says."""
    header = {**header, "sha256": "0" * 64}
    raw = save_arrays(arrays, {"skae": json.dumps(header)})
    digest = hashlib.sha256(raw).hexdigest()
    return raw.replace(b"0" * 64, digest.encode(), 1)


def test_a_sealed_file_is_good(saved, tmp_path, iris):
    path, raw = saved
    (tmp_path / "file").write_bytes(_sealed(*_parts(raw)))
    same, expected = load(tmp_path / "file"), load(path)
    method = "transform" if hasattr(expected, "transform") else "predict"
    assert_array_equal(getattr(same, method)(iris), getattr(expected, method)(iris))


def test_other_formats(saved, refused):
    header, arrays = _parts(saved[1])
    newer = {**header, "format": "skae 2", "version": "9.9"}
    message = refused(_sealed(newer, arrays))
    assert "its format is 'skae 2'" in message
    assert "It was saved by skae 9.9." in message


@pytest.mark.thinned(1)
@pytest.mark.parametrize(
    "tree",
    [
        {"estimator": "Popen", "state": {"dict": []}},
        {"estimator": "os.system", "state": {"dict": [["command", "true"]]}},
        {"estimator": ["AutoencoderTransformer"], "state": {"dict": []}},
        {
            "estimator": "VAETransformer",
            "state": {"dict": [["a", {"dict": [["class", 1], ["state", 2]]}]]},
        },
        {"estimator": "VAETransformer"},
        {"array": "none"},
        {"array": "../file"},
        {"eval": "1"},
        {},
        {"dict": [[["unhashable"], 1]]},
        {"strings": ["a"], "dtype": "O8"},
    ],
    ids=str,
)
def test_made_up_content(saved, refused, tree):
    header, arrays = _parts(saved[1])
    message = refused(_sealed({**header, "estimator": tree}, arrays))
    assert "it does not contain an estimator" in message


def test_deep_content(saved, refused):
    header, arrays = _parts(saved[1])
    text = json.dumps({**header, "estimator": 0})
    deep = text.replace('"estimator": 0', '"estimator": ' + "[" * 20_000 + "]" * 20_000)
    raw = save_arrays(arrays, {"skae": deep.replace(header["sha256"], "0" * 64)})
    digest = hashlib.sha256(raw).hexdigest().encode()
    refused(raw.replace(b"0" * 64, digest, 1))


def test_classes_that_are_not_ours(saved, refused):
    header, arrays = _parts(saved[1])
    text = json.dumps(header["estimator"])
    for name in re.findall(r'\["class", "(\w+)"\]', text):
        other = json.loads(text.replace(f'["class", "{name}"]', '["class", "Popen"]'))
        refused(_sealed({**header, "estimator": other}, arrays))


@pytest.mark.parametrize("size", [0, *map(rare, (-4, 10**9)), 10**5, 10**15])
def test_networks_that_do_not_fit_their_weights(saved, refused, size):
    """Nothing is built that is larger than the weights that are there for it."""
    header, arrays = _parts(saved[1])
    text = json.dumps(header["estimator"])
    plan = re.search(r'\["class", "\w+Architecture"\].*?(?=, \["weights")', text)[0]
    # of a sparse coder, how often and how much, and of deformations, the metric and, in an image of
    # two pixels, the spacing: these change no shape
    others = r'"(n_nonzero|n_steps|spacing|alpha|gamma|power)", [\d.]+'
    plan_of_shapes = re.sub(others, lambda m: "#" * len(m[0]), plan)
    places = [match.span() for match in re.finditer(r"\b\d+\b", plan_of_shapes)]
    assert len(places) >= 2
    for first, last in places:
        changed = plan[:first] + str(size) + plan[last:]
        if changed == plan:
            continue
        tree = json.loads(text.replace(plan, changed))
        with LargestTensor() as largest:
            refused(_sealed({**header, "estimator": tree}, arrays))
        assert largest.n_bytes < 500_000


@pytest.mark.parametrize("saved", [VAE], indirect=True)
def test_a_huge_number_of_classes_is_refused_before_it_is_built(saved, refused):
    header, arrays = _parts(saved[1])
    text = json.dumps(header["estimator"])
    tree = json.loads(text.replace(f"{CLASSES_OF_VAE}0", f"{CLASSES_OF_VAE}100000"))
    with LargestTensor() as largest:
        refused(_sealed({**header, "estimator": tree}, arrays))
    assert largest.n_bytes < 500_000


def test_arrays_of_other_shapes(saved, refused):
    header, arrays = _parts(saved[1])
    text = json.dumps(header["estimator"])
    weights = re.search(r'"weights", \{"dict": (\[.*?\])\}\]', text)[1]
    names = re.findall(r'"array": "(\d+)"', weights)
    for name in names:
        changed = {**arrays, name: np.concatenate([arrays[name], arrays[name]])}
        refused(_sealed(header, changed))
        missing = {key: value for key, value in arrays.items() if key != name}
        refused(_sealed(header, missing))


@pytest.mark.thinned(1)
@pytest.mark.parametrize("method", ["fsync", "replace"])
def test_a_full_disk(saved, iris, monkeypatch, method):
    path, raw = saved

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    other = AutoencoderTransformer(1, max_iter=0).fit(iris)
    monkeypatch.setattr(os, method, fail)
    with pytest.raises(OSError, match="No space left"):
        save(other, path)
    assert path.read_bytes() == raw
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_killed_while_saving(iris, tmp_path, record_property):
    """A process that saves over and over is killed at 20 moments: the file is always whole."""
    first, second = (AutoencoderTransformer(k, max_iter=0).fit(iris) for k in (1, 2))
    path = tmp_path / "file"
    save(first, path)
    record_property("tries", 20)
    random_state = np.random.RandomState(0)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            while True:
                save(second, path)
                save(first, path)
        time.sleep(random_state.uniform(0.002, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert load(path).n_components_ in (1, 2)
