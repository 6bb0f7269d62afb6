# pyright: reportPrivateImportUsage=false
# (functions are replaced in the modules of moto that look them up)
"""Caches for moto's Step Functions interpreter, which take most of the cost of an execution away.

For every execution moto parses the definition of the state machine, for every path in it the JSONPath, for every task
it creates a boto3 client, and for every request it lists its own folders and methods. The functions that do this are
private to moto and replaced here, so moto is pinned in requirements/; `tests/local/test_moto_cache.py` names the part
that has moved after an upgrade.
"""

import functools
from typing import Any


@functools.cache
def install_caches() -> None:
    """Replace moto's functions by cached ones, for the rest of this process."""
    from moto import backends
    from moto.core import responses
    from moto.settings import moto_server_port
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
    from moto.stepfunctions.parser.asl.component.program.program import Program
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.utils import json_path

    # All executions of a definition share one program: its components are not changed while they are evaluated, but for
    # this key, which each would make up at its first use.
    EvalComponent.heap_key = property(lambda component: str(id(component)))  # type: ignore[assignment]
    AmazonStateLanguageParser.parse = functools.lru_cache(maxsize=64)(AmazonStateLanguageParser.parse)
    # A branch names its thread after its program, whose text is as long as the definition.
    Program.__str__ = object.__repr__
    json_path.parse = functools.lru_cache(maxsize=1024)(json_path.parse)
    result_path.parse = functools.lru_cache(maxsize=1024)(result_path.parse)

    folders = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: folders
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)

    create_client = lambda_eval_utils.boto_client_for

    @functools.cache
    def get_cached_client(port: str, region: str, service: str) -> Any:
        del port  # Part of the key only: a client is bound to the port of one stack.
        return create_client(region=region, service=service)

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        del state_credentials  # moto ignores them too.
        return get_cached_client(moto_server_port(), region, service)

    lambda_eval_utils.boto_client_for = boto_client_for
