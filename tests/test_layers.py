"""Who may import whom: the layers of docs/architecture.md."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skae

ROOT = Path(skae.__file__).parent
CORE = ("blocks", "networks", "objectives", "engine", "latent")
ALLOWED = {layer: {layer} for layer in CORE}
ALLOWED["_scikit_learn"] = set()
ALLOWED["_registry"] = set()
ALLOWED["_types"] = set()
ALLOWED["_arrays"] = {"_scikit_learn"}
ALLOWED["_colors"] = set()
ALLOWED["_folds"] = {"_folds", "_scikit_learn", "_types"}
ALLOWED["_pipelines"] = {"_pipelines", "_types", "latent"}
ALLOWED["rows"] = {"rows", "_arrays", "_scikit_learn", "_types", *CORE}
ALLOWED["starts"] = {"starts", "rows", *CORE}
ALLOWED["fitting"] = {"fitting", "rows", "_arrays", "_scikit_learn", "_types", "_version", *CORE}
BELOW = {"rows", "starts", "fitting", "_arrays", "_scikit_learn", "_types", "_version", *CORE}
ALLOWED["estimators"] = {"estimators", "_folds", *BELOW}
ALLOWED["export"] = {"export", "estimators", "_registry", "_types", *CORE}
ALLOWED["metrics"] = {"metrics", "_arrays", "_colors", "_scikit_learn", "_types"}
USERS = {"estimators", "metrics", "_folds", "_pipelines", "_types"}
ALLOWED["model_selection"] = {"model_selection", "_scikit_learn", *USERS}
ALLOWED["inspection"] = {"inspection", "model_selection", "_arrays", *USERS}
FAMILIES = {"estimators", "rows", "starts", "fitting", "_types", *CORE}
ALLOWED["image"] = {"image", "metrics", "_colors", "_scikit_learn", *FAMILIES}
ALLOWED["registration"] = {"registration", "metrics", "_arrays", "_scikit_learn", *FAMILIES}
SLICES = ("image", "registration", "distributed")
ALLOWED["distributed"] = {"distributed", "estimators", "_types", *CORE}
ALLOWED["datasets"] = {"datasets", "_scikit_learn", "_types"}
ALLOWED["persistence"] = {"persistence", "_registry", "_version", *CORE}


def _imports(path):
    """Yield what of skae each import of a module names, as parts of a dotted name."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("skae."):
                yield name.split(".")[1:]


def _paths(layer):
    single = ROOT / f"{layer}.py"
    return [single] if single.exists() else list((ROOT / layer).glob("*.py"))


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_what_it_may(layer):
    paths = _paths(layer)
    assert paths
    for path in paths:
        assert {first for first, *_ in _imports(path)} <= ALLOWED[layer], path


@pytest.mark.parametrize("name", SLICES)
def test_nothing_imports_a_slice(name):
    for path in ROOT.rglob("*.py"):
        if path.parent.name != name:
            assert name not in {first for first, *_ in _imports(path)}, path


@pytest.mark.parametrize("layer", ["model_selection", "inspection"])
def test_these_see_nothing_private_of_other_packages(layer):
    for path in _paths(layer):
        for first, *rest in _imports(path):
            if first != layer and (ROOT / first).is_dir():
                assert len(rest) == 1, (path, first, rest)
                assert not rest[0].startswith("_"), (path, first, rest)


def test_matplotlib_is_not_imported_before_something_is_drawn():
    code = (
        "import sys, skae.inspection, skae.model_selection, skae\n"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


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


def test_private_modules_of_scikit_learn_are_behind_one_file():
    for path in ROOT.rglob("*.py"):
        if path.name == "_scikit_learn.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.Import):
                names, module = [name for alias in names for name in alias.split(".")], names[0]
            if isinstance(node, ast.Import | ast.ImportFrom) and module.startswith("sklearn"):
                parts = [*module.split("."), *names]
                assert not [part for part in parts if part.startswith("_")], (path, node.lineno)
