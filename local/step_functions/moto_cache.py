# pyright: reportPrivateImportUsage=false
# (functions are replaced in the modules of moto that look them up)
"""Caches for moto's Step Functions interpreter, which take most of the cost of an execution away.

For every execution moto parses the definition of the state machine, for every path in it the JSONPath, and for every
task it creates a boto3 client. The functions that do this are private to moto and replaced here, so moto is pinned in
requirements/; `tests/local/test_moto_cache.py` names the part that has moved after an upgrade.
"""

import copy
import functools
from typing import Any


@functools.cache
def install_caches() -> None:
    """Replace moto's functions by cached ones, for the rest of this process."""
    from moto.settings import moto_server_port
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.utils import json_path

    parse = functools.lru_cache(maxsize=64)(AmazonStateLanguageParser.parse)

    def parse_from_cache(definition: str) -> tuple[Any, Any]:
        program, tree = parse(definition)
        # An execution may change its program.
        return copy.deepcopy(program), tree

    AmazonStateLanguageParser.parse = parse_from_cache
    json_path.parse = functools.lru_cache(maxsize=1024)(json_path.parse)
    result_path.parse = functools.lru_cache(maxsize=1024)(result_path.parse)

    create_client = lambda_eval_utils.boto_client_for

    @functools.cache
    def get_cached_client(port: str, region: str, service: str) -> Any:
        del port  # Part of the key only: a client is bound to the port of one stack.
        return create_client(region=region, service=service)

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        del state_credentials  # moto ignores them too.
        return get_cached_client(moto_server_port(), region, service)

    lambda_eval_utils.boto_client_for = boto_client_for
