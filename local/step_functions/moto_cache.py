# pyright: reportPrivateImportUsage=false
# (a function is replaced where a module of moto's looks for it)
"""What moto's interpreter makes anew each time and need not, which is most of what an execution costs in this process.

For every execution it parses the state machine's definition, for every path in it the path, and for every task it makes
a client; here each is made once.
"""

import copy
import functools
from typing import Any


@functools.cache
def install_caches() -> None:
    """Let moto remember, from here on and as long as this process lives."""
    from moto.settings import moto_server_port
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.utils import json_path

    parse = functools.lru_cache(maxsize=64)(AmazonStateLanguageParser.parse)

    def parse_from_cache(definition: str) -> tuple[Any, Any]:
        program, tree = parse(definition)
        # An execution may write on it.
        return copy.deepcopy(program), tree

    AmazonStateLanguageParser.parse = parse_from_cache
    json_path.parse = functools.lru_cache(maxsize=1024)(json_path.parse)
    result_path.parse = functools.lru_cache(maxsize=1024)(result_path.parse)

    create_client = lambda_eval_utils.boto_client_for

    @functools.cache
    def get_cached_client(port: str, region: str, service: str) -> Any:
        del port  # Where it finds this process's stack; another has another.
        return create_client(region=region, service=service)

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        del state_credentials  # moto makes nothing of them.
        return get_cached_client(moto_server_port(), region, service)

    lambda_eval_utils.boto_client_for = boto_client_for
