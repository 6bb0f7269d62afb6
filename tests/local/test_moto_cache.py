"""A canary for upgrades of moto: each test names a private part of moto that `moto_cache` replaces or relies on.

The checks run in a process of their own, in which nothing is replaced yet.
"""

import json

import pytest

from tests.harness.python_process import run_python

INSPECT = """
import importlib, inspect, json, os
ASL = "moto.stepfunctions.parser.asl."
DEFINITION = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
os.environ["MOTO_PORT"] = "4001"
checks = {}

def check(name):
    def run(function):
        try:
            checks[name] = "ok" if function() else "behaves differently"
        except Exception as error:
            checks[name] = repr(error)
    return run

def load(name):
    return importlib.import_module(ASL + name)

def parser():
    return load("parse.asl_parser").AmazonStateLanguageParser

@check("AmazonStateLanguageParser.parse takes a definition and returns program and tree")
def _():
    return list(inspect.signature(parser().parse).parameters) == ["definition"] and len(parser().parse(DEFINITION)) == 2

@check("AmazonStateLanguageParser.parse is static and looked up on the class by the execution worker")
def _():
    worker = importlib.import_module("moto.stepfunctions.parser.backend.execution_worker")
    uses = "AmazonStateLanguageParser.parse(" in inspect.getsource(worker)
    return isinstance(parser().__dict__["parse"], staticmethod) and uses

@check("utils.json_path.parse takes a path and is called by extract_json")
def _():
    module = load("utils.json_path")
    return module.parse("$.a").find({"a": 1})[0].value == 1 and "parse" in module.extract_json.__code__.co_names

@check("path.result_path.parse takes a path and is called by ResultPath")
def _():
    module = load("component.common.path.result_path")
    found = module.parse("$.a").find({"a": 1})[0].value == 1
    return found and "parse" in module.ResultPath._eval_body.__code__.co_names

@check("lambda_eval_utils.boto_client_for takes region, service, state_credentials and is called for lambda:invoke")
def _():
    module = load("component.state.exec.state_task.lambda_eval_utils")
    parameters = list(inspect.signature(module.boto_client_for).parameters)
    callers = [module.exec_lambda_function, module._invoke_lambda_function]
    called = all("boto_client_for" in caller.__code__.co_names for caller in callers)
    return parameters == ["region", "service", "state_credentials"] and called

@check("boto_client_for creates a client for the port of MOTO_PORT")
def _():
    client = load("component.state.exec.state_task.lambda_eval_utils").boto_client_for("us-east-1", "lambda")
    return client.meta.endpoint_url == "http://localhost:4001"

@check("settings.moto_server_port reads MOTO_PORT")
def _():
    return importlib.import_module("moto.settings").moto_server_port() == "4001"

from local.step_functions.moto_cache import install_caches
install_caches()

@check("after install_caches a definition is parsed once and each program is a copy")
def _():
    (program, tree), (other_program, other_tree) = parser().parse(DEFINITION), parser().parse(DEFINITION)
    return tree is other_tree and program is not other_program and type(program) is type(other_program)

@check("after install_caches a path is parsed once")
def _():
    modules = [load("utils.json_path"), load("component.common.path.result_path")]
    return all(module.parse("$.b") is module.parse("$.b") for module in modules)

@check("after install_caches there is one client for each port")
def _():
    module = load("component.state.exec.state_task.lambda_eval_utils")
    first = module.boto_client_for(region="us-east-1", service="lambda", state_credentials=None)
    same = first is module.boto_client_for(region="us-east-1", service="lambda")
    os.environ["MOTO_PORT"] = "4002"
    return same and module.boto_client_for("us-east-1", "lambda").meta.endpoint_url == "http://localhost:4002"

print(json.dumps(checks))
"""
PARTS = [line.removeprefix('@check("').removesuffix('")') for line in INSPECT.splitlines() if line.startswith("@check")]


@pytest.fixture(scope="module")
def checks() -> dict[str, str]:
    return json.loads(run_python(INSPECT).splitlines()[-1])


@pytest.mark.parametrize("part", PARTS)
def test_moto_still_has_the_part_that_the_caches_replace(checks: dict[str, str], part: str) -> None:
    assert checks[part] == "ok", f"moto has changed: {part}"
