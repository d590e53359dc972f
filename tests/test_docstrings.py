"""Every public docstring is complete, by numpydoc's checks, and tells the defaults there are."""

import ast
import configparser
import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from datetime import timedelta
from functools import reduce
from pathlib import Path

import pytest
from numpydoc.docscrape import get_doc_object
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


def _names_by_owner():
    """Return the public names of every class, itself among them, and of every function."""
    names = defaultdict(list)
    for name in _public_names():
        # what precedes a method is no module
        owner = name.rpartition(".")[0]
        names[name if owner in _public_modules() else owner].append(name)
    return names


def _is_ours(member):
    # estimators are in "skae" itself, by their public path
    return member.__module__.split(".")[0] == "skae"


def _own_parts(cls):
    """Return public methods and properties, those of scikit-learn's classes left out."""
    ours = [base for base in cls.__mro__ if _is_ours(base)]
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


@pytest.mark.parametrize("owner", list(_names_by_owner()))
def test_docstring(owner):
    checks = _checks()
    for name in _names_by_owner()[owner]:
        assert not [error for error in validate(name)["errors"] if error[0] in checks], name


def test_a_missing_description_is_found():
    """Return what is checked here.

    Parameters
    ----------
    nothing : int
    """
    name = f"{__name__}.test_a_missing_description_is_found"
    codes = {code for code, _ in validate(name)["errors"]}
    assert {"PR02", "PR07"} <= codes & _checks()


IN_WORDS = {"30 minutes": timedelta(minutes=30)}
"""Defaults that are no literals, as docstrings write them."""
UNTOLD = {
    "skae.VAETransformer.traverse": {"values"},
    "skae.image.ImageToImageRegressor.score": {"y"},
}
"""Parameters of which the docstring does not give the default."""


def _find(name):
    """Return a public object by its name in full."""
    module, *_ = (m for m in sorted(_public_modules(), key=len, reverse=True) if _is_in(name, m))
    return reduce(
        getattr, name.removeprefix(module)[1:].split("."), importlib.import_module(module)
    )


def _is_in(name, module):
    return name.startswith(f"{module}.")


def _has_own_signature(name):
    """Return whether it is a class or a function of skae, and not of scikit-learn."""
    member = _find(name)
    is_either = inspect.isclass(member) or inspect.isfunction(member)
    return is_either and _is_ours(member)


def _told_defaults(member):
    """Return the defaults in the docstring of a function or a class, by parameter."""
    told = {}
    for parameter in get_doc_object(member)["Parameters"]:
        written = re.search(r"default=(.*)$", parameter.type)
        for name in parameter.name.split(", "):
            told[name] = written[1] if written else parameter.type
    return told


def _true_defaults(member):
    parameters = inspect.signature(member).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


@pytest.mark.parametrize("owner", list(_names_by_owner()))
def test_defaults_are_those_of_the_docstring(owner):
    for name in filter(_has_own_signature, _names_by_owner()[owner]):
        told, true = _told_defaults(_find(name)), _true_defaults(_find(name))
        for parameter in true.keys() - UNTOLD.get(name, set()):
            written, default = told[parameter], true[parameter]
            value = IN_WORDS[written] if written in IN_WORDS else ast.literal_eval(written)
            assert (type(value), value) == (type(default), default), f"{parameter} of {name}"


def test_defaults_are_found():
    names = [name for name in _public_names() if _has_own_signature(name)]
    assert len(names) > 100
    assert sum(len(_true_defaults(_find(name))) for name in names) > 400
