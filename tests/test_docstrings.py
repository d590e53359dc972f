"""Every public docstring is complete, by numpydoc's checks."""

import configparser
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from numpydoc.validate import ERROR_MSGS, validate

import skae

ROOT = Path(skae.__file__).parent


def _public_modules():
    """Return skae and what it has below it, private and inner layers left out."""
    core = {"blocks", "engine", "latent", "networks", "objectives"}
    inner = {*core, "rows", "starts", "fitting", "estimators"}
    below = [module.name for module in pkgutil.iter_modules(skae.__path__)]
    return ["skae", *(f"skae.{name}" for name in below if name not in inner and name[0] != "_")]


def _public_names():
    """Yield all public classes and functions, and what the classes have of their own."""
    for module_name in _public_modules():
        module = importlib.import_module(module_name)
        for name in module.__all__:
            member = getattr(module, name)
            if not callable(member):
                continue
            yield f"{module_name}.{name}"
            if inspect.isclass(member):
                yield from (f"{module_name}.{name}.{part}" for part in _own_parts(member))


def _own_parts(cls):
    """Return public methods and properties, those of scikit-learn's classes left out."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("skae.")]
    return sorted({part for base in ours for part in vars(base) if _is_documented(base, part)})


def _is_documented(base, part):
    return part[0] != "_" and not isinstance(vars(base)[part], int | float | str | None)


def _checks():
    """Return the checks that setup.cfg asks for.

    numpydoc's own command would not read setup.cfg beside a pyproject.toml.
    """
    config = configparser.ConfigParser()
    config.read(ROOT.parent / "setup.cfg")
    first, *exceptions = config["tool:numpydoc_validation"]["checks"].replace(" ", "").split(",")
    assert first == "all"
    assert set(exceptions) <= ERROR_MSGS.keys()
    return ERROR_MSGS.keys() - set(exceptions)


@pytest.mark.parametrize("name", list(_public_names()))
def test_docstring(name):
    errors = [error for error in validate(name)["errors"] if error[0] in _checks()]
    assert not errors


def test_a_missing_description_is_found():
    """Return what is checked here.

    Parameters
    ----------
    nothing : int
    """
    name = f"{__name__}.test_a_missing_description_is_found"
    codes = {code for code, _ in validate(name)["errors"]}
    assert {"PR02", "PR07"} <= codes & _checks()
