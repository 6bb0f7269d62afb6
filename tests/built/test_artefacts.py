"""What the built functions and the layer contain: sizes, binaries of the right processor, and nothing unused."""

import hashlib
import importlib.util
import struct
from functools import cache
from pathlib import Path

import pytest

from local.template.architecture import read_built_architecture
from local.template.intrinsics import load_yaml
from local.template.sam_template import Function, Template
from tests.harness.artefacts import DEPLOYED_BUILD, LOCAL_BUILD, measure_size, needs_artefacts
from tests.harness.paths import TEMPLATE

pytestmark = needs_artefacts

MB = 1_000_000
LAMBDA_LIMIT = 250 * MB
"""Lambda's limit on a function with its layers, unzipped."""
LAYER_LIMIT = 60 * MB
FUNCTION_LIMIT = 250_000
"""A room's code with its bytecode."""
ROOM_LIMITS = {"authorizers": 20 * MB, "console": MB, "documentation": 2 * MB, "migration": 35 * MB, "openapi": MB}
"""Rooms with packages or files of their own."""

ELF_MACHINES = {"x86_64": 62, "arm64": 183}
"""e_machine of an ELF file: EM_X86_64 and EM_AARCH64."""

RUNTIME_PACKAGES = {"boto3", "botocore", "s3transfer", "awslambdaric"}
"""What Lambda's runtime brings."""
ROOM_PACKAGES = {"migration": {"alembic", "sqlalchemy", "mako"}, "authorizers": {"jwt", "cryptography", "cffi"}}
"""What is installed beside one room instead of into the layer."""


def list_builds() -> list[Path]:
    return [folder for folder in (LOCAL_BUILD, DEPLOYED_BUILD) if (folder / "template.yaml").is_file()]


@pytest.fixture(params=list_builds(), ids=lambda folder: str(folder.relative_to(TEMPLATE.parent)))
def build(request: pytest.FixtureRequest) -> Path:
    """The build for this machine, and the one for deployment if there is one."""
    return request.param


@cache
def load_functions(build: Path) -> dict[str, Function]:
    return dict(Template.load(build / "template.yaml", {}).functions)


@cache
def map_rooms() -> dict[str, str]:
    """The room of each function."""
    return {name: function.code_folder.name for name, function in Template.load(TEMPLATE, {}).functions.items()}


def get_layer(build: Path) -> Path:
    (layer,) = {layer for function in load_functions(build).values() for layer in function.layers}
    return layer


def test_every_function_is_built(build: Path) -> None:
    functions = load_functions(build)
    assert functions.keys() == map_rooms().keys()
    assert all(function.code_folder.parent == build for function in functions.values())
    for function in functions.values():
        assert (function.code_folder / f"{function.handler.rpartition('.')[0]}.py").is_file(), function.name


def test_the_layer_is_small_and_every_function_is_within_lambdas_limit(build: Path) -> None:
    layer_size = measure_size(get_layer(build))
    assert layer_size <= LAYER_LIMIT
    for name, function in load_functions(build).items():
        size = measure_size(function.code_folder)
        assert size <= ROOM_LIMITS.get(map_rooms()[name], FUNCTION_LIMIT), f"{name}: {size:,} bytes"
        assert size + layer_size <= LAMBDA_LIMIT, name


def test_no_function_carries_the_files_of_another_room(build: Path) -> None:
    functions_folder = TEMPLATE.parent / "functions"
    for name, function in load_functions(build).items():
        room = functions_folder / map_rooms()[name]
        own = {path.name for path in room.iterdir()} | {"__pycache__"}
        built = {path.name for path in function.code_folder.iterdir()}
        if map_rooms()[name] in ROOM_PACKAGES:
            assert own - {"__pycache__"} <= built
        else:
            assert built == own, name
    scripts = {path.relative_to(build).parts[0] for path in build.rglob("scalar-*.js.gz")}
    assert scripts == {name for name, room in map_rooms().items() if room == "documentation"}


def test_functions_of_one_room_are_equal_so_that_they_are_uploaded_once(build: Path) -> None:
    contents: dict[str, set[str]] = {}
    for name, function in load_functions(build).items():
        contents.setdefault(map_rooms()[name], set()).add(digest_folder(function.code_folder))
    assert {room: len(digests) for room, digests in contents.items()} == dict.fromkeys(contents, 1)


def digest_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def test_packages_of_one_room_and_of_the_runtime_are_not_in_the_layer(build: Path) -> None:
    packages = {path.name for path in get_layer(build).iterdir()}
    assert {"pointsman", "composition.py", "stream-wrapper", "psycopg", "aws_lambda_powertools"} <= packages
    assert packages & RUNTIME_PACKAGES == set()
    for room, own in ROOM_PACKAGES.items():
        assert packages & own == set()
        for name in (name for name, of in map_rooms().items() if of == room):
            assert own <= {path.name for path in load_functions(build)[name].code_folder.iterdir()}, name


def test_binaries_are_for_the_architecture_of_the_template(build: Path) -> None:
    expected = ELF_MACHINES[read_built_architecture(build / "template.yaml")]
    binaries = [path for path in build.rglob("*") if ".so" in path.suffixes and path.is_file()]
    names = {path.name.partition(".")[0] for path in binaries}
    assert {"_psycopg", "_pydantic_core", "_rust"} <= names
    wrong = [path for path in binaries if read_elf_machine(path) != expected]
    assert wrong == []


def read_elf_machine(path: Path) -> int:
    head = path.read_bytes()[:20]
    assert head[:4] == b"\x7fELF", path
    return struct.unpack_from("<H", head, 18)[0]


def test_a_deployment_for_another_architecture_is_refused(build: Path) -> None:
    document = load_yaml(build / "template.yaml")
    architecture = read_built_architecture(build / "template.yaml")
    assert document["Parameters"]["Architecture"]["AllowedValues"] == [architecture]
    assert document["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]


def test_bytecode_is_of_the_templates_python_complete_and_not_checked_again(build: Path) -> None:
    runtime = {function.runtime for function in load_functions(build).values()}
    assert runtime == {"python3.13"}
    bytecode = list(build.rglob("*.pyc"))
    assert {path.name.split(".")[-2] for path in bytecode} == {"cpython-313"}
    # The second word is 1 for a hash that is not checked against the source; PEP 552.
    assert {struct.unpack_from("<I", path.read_bytes(), 4)[0] for path in bytecode} == {1}
    for folder in (get_layer(build) / "pointsman", load_functions(build)["HealthzFunction"].code_folder):
        for source in folder.rglob("*.py"):
            tag = importlib.util.cache_from_source(str(source)).rpartition("/")[0]
            assert Path(tag, f"{source.stem}.cpython-313.pyc").is_file(), source


def test_the_build_for_this_machine_is_there() -> None:
    assert LOCAL_BUILD in list_builds()
