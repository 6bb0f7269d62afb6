"""A canary for upgrades of moto: each test names a private part of moto that `local.step_functions` replaces or needs.

The checks run in a process of their own, in which nothing is replaced yet.
"""

import json

import pytest

from tests.harness.python_process import run_python

INSPECT = """
import ast, importlib, inspect, json, os, pkgutil, textwrap
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

def list_changes_of_self(function):
    # Assignments to an attribute or item of self, and calls of methods of self's attributes that change lists or dicts.
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        targets = [target for target in targets if isinstance(target, (ast.Attribute, ast.Subscript))]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
            targets = [node.func.value] if isinstance(node.func.value, ast.Attribute) else []
        yield from (target for target in targets if ast.unparse(target).startswith("self."))

CHANGING = {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "add"}

@check("a component changes nothing of itself while it is evaluated, but for heap_key")
def _():
    components = load("component")
    for module in pkgutil.walk_packages(components.__path__, components.__name__ + "."):
        importlib.import_module(module.name)
    component, found, todo = load("component.eval_component").EvalComponent, set(), []
    todo.append(component)
    seen = set()
    while todo:
        kind = todo.pop()
        seen.add(kind)
        todo += kind.__subclasses__()
        for name, member in vars(kind).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function) and name not in ("__init__", "from_state_props"):
                found.update(name for _ in list_changes_of_self(function))
    return len(seen) > 100 and found == {"heap_key"}

@check("EvalComponent.heap_key is a property without a setter")
def _():
    key = vars(load("component.eval_component").EvalComponent)["heap_key"]
    return isinstance(key, property) and key.fset is None

@check("lambda_eval_utils._invoke_lambda_function takes parameters, region, state_credentials; does lambda:invoke")
def _():
    module = load("component.state.exec.state_task.lambda_eval_utils")
    parameters = list(inspect.signature(module._invoke_lambda_function).parameters)
    called = "_invoke_lambda_function" in module.execute_lambda_function_integration.__code__.co_names
    service = load("component.state.exec.state_task.service.state_task_service_lambda").StateTaskServiceLambda
    caller = service._eval_service_task.__code__.co_names
    return parameters == ["parameters", "region", "state_credentials"] and called and caller[0] == "lambda_eval_utils"

@check("StepFunctionsParserBackend.start_execution appends to the state machine's list of executions")
def _():
    backend = importlib.import_module("moto.stepfunctions.parser.models").StepFunctionsParserBackend
    return "state_machine.executions.append(execution)" in inspect.getsource(backend.start_execution)

@check("utils.TMP_THREADS is only appended to")
def _():
    package = importlib.import_module("moto.stepfunctions.parser")
    uses = []
    for folder, _, files in os.walk(os.path.dirname(package.__file__)):
        for name in (name for name in files if name.endswith(".py")):
            with open(os.path.join(folder, name)) as file:
                uses += [line.strip() for line in file if "TMP_THREADS" in line and "import" not in line]
    return uses.count("TMP_THREADS = []") == 1 and all(
        use == "TMP_THREADS = []" or use.startswith("TMP_THREADS.append(") for use in uses)

@check("backends.list_of_moto_modules is looked up in its module for every request")
def _():
    source = inspect.getsource(importlib.import_module("moto.moto_server.werkzeug_app"))
    return "backends.list_of_moto_modules()" in source

@check("responses.method_names_from_class takes a class and is called by call_action")
def _():
    module = importlib.import_module("moto.core.responses")
    called = "method_names_from_class" in module.BaseResponse.call_action.__code__.co_names
    return called and "call_action" in module.method_names_from_class(module.BaseResponse)

from local.step_functions.moto_cache import install_caches
install_caches()

@check("after install_caches a definition is parsed once and all its executions share the program")
def _():
    (program, tree), (other_program, other_tree) = parser().parse(DEFINITION), parser().parse(DEFINITION)
    return tree is other_tree and program is other_program

@check("after install_caches each component has a key of its own")
def _():
    program = parser().parse(DEFINITION)[0]
    keys = {component.heap_key for component in (program, program.states.states["A"])}
    return len(keys) == 2 and program.heap_key == program.heap_key

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
