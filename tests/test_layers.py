"""Who may import whom: the layers of docs/architecture.md."""

import ast
from pathlib import Path

import pytest

import skae

ROOT = Path(skae.__file__).parent
CORE = ("networks", "objectives", "engine", "latent")
ALLOWED = {layer: {layer} for layer in CORE}
ALLOWED["_arrays"] = set()
ALLOWED["estimators"] = {"estimators", "_arrays", "_version", *CORE}
ALLOWED["export"] = {"export", "estimators", *CORE}
ALLOWED["metrics"] = {"metrics", "_arrays"}
ALLOWED["persistence"] = {"persistence", "estimators", "_version", *CORE}


def _imported_layers(path):
    """Yield the part of skae that each import of a module names."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("skae."):
                yield name.split(".")[1]


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_what_it_may(layer):
    single = ROOT / f"{layer}.py"
    paths = [single] if single.exists() else list((ROOT / layer).glob("*.py"))
    assert paths
    for path in paths:
        assert set(_imported_layers(path)) <= ALLOWED[layer], path


def test_every_module_belongs_to_a_layer():
    names = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert names - {"__init__", "__pycache__", "_version"} == set(ALLOWED)


@pytest.mark.parametrize("layer", CORE)
def test_the_core_knows_neither_scikit_learn_nor_autoencoders(layer):
    for path in (ROOT / layer).glob("*.py"):
        text = path.read_text()
        if layer != "latent":
            assert "sklearn" not in text.replace("sklearn.linear_model.ElasticNet", ""), path
        if layer == "engine":
            assert "autoencoder" not in text.lower(), path
            assert "latent" not in text.lower(), path
