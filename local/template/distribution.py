"""The CloudFront distribution of a template: what it adds to requests and responses, and which bodies it refuses."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import yaml

from local.errors import TemplateError
from local.json_values import list_or_empty, mapping_or_empty
from local.template.intrinsics import Resolver


@dataclass(frozen=True)
class CorsPolicy:
    """CORS headers that are added to responses without them.

    Args:
        origins: Such as `https://app.example.com`, or `*` for all.
        exposed_headers: Response headers that pages may read.
        path_patterns: CloudFront's patterns of the paths that it applies to.
    """

    origins: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    path_patterns: tuple[str, ...]

    def build_headers(self, path: str, origin: str) -> dict[str, str]:
        """Return the headers for a request's path and Origin; none if the policy does not cover them."""
        if not origin or not any(fnmatchcase(path, pattern) for pattern in self.path_patterns):
            return {}
        if "*" not in self.origins and origin not in self.origins:
            return {}
        allowed = "*" if "*" in self.origins else origin
        return {
            "Access-Control-Allow-Origin": allowed,
            "Access-Control-Expose-Headers": ",".join(self.exposed_headers),
        }


@dataclass(frozen=True)
class BodyLimit:
    """The settings of the distribution's function that refuses bodies.

    Args:
        api_prefix: The prefix of the Agent API's paths.
        max_bytes: A larger Content-Length is refused.
    """

    api_prefix: str
    max_bytes: int

    def is_agent_path(self, path: str) -> bool:
        """Return whether a path, percent-encoded, is the Agent API's, or MCP's, whose errors have the same shape."""
        return f"{path}/".startswith(f"{self.api_prefix}/") or path == "/mcp"


@dataclass(frozen=True)
class Distribution:
    """What CloudFront does that the local gateway does in its place.

    Args:
        origin_headers: Headers, in lower case, that each request to an API gets; a client's own are replaced.
        cors: The CORS policy, if there is one.
        body_limit: The limit on bodies, if there is one.
    """

    origin_headers: tuple[tuple[str, str], ...] = ()
    cors: CorsPolicy | None = None
    body_limit: BodyLimit | None = None


def read_distribution(
    resources: Mapping[str, Mapping[str, Any]], resolver: Resolver, resolve_secrets: Callable[[str], str]
) -> Distribution:
    """Read the distribution of a template; without one nothing is added.

    Args:
        resources: The Resources section.
        resolver: Resolves intrinsics.
        resolve_secrets: Replaces dynamic references in a text.

    Raises:
        TemplateError: An intrinsic is not supported, or a function of the distribution is not the one for bodies.
    """
    for name, resource in resources.items():
        if resource.get("Type") == "AWS::CloudFront::Distribution":
            config = mapping_or_empty(mapping_or_empty(resource.get("Properties")).get("DistributionConfig"))
            return Distribution(
                _read_origin_headers(name, config, resolver, resolve_secrets),
                _read_cors(config, resources, resolver),
                _read_body_limit(resources, resolver),
            )
    return Distribution()


def _read_origin_headers(
    name: str, config: Mapping[str, Any], resolver: Resolver, resolve_secrets: Callable[[str], str]
) -> tuple[tuple[str, str], ...]:
    headers: dict[str, str] = {}
    for origin in map(mapping_or_empty, list_or_empty(config.get("Origins"))):
        for node in list_or_empty(origin.get("OriginCustomHeaders")):
            header = mapping_or_empty(resolver.resolve(node, f"{name}.OriginCustomHeaders"))
            headers[str(header["HeaderName"]).lower()] = resolve_secrets(str(header["HeaderValue"]))
    return tuple((header, value) for header, value in headers.items() if value)


def _read_cors(
    config: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]], resolver: Resolver
) -> CorsPolicy | None:
    for name, resource in resources.items():
        if resource.get("Type") == "AWS::CloudFront::ResponseHeadersPolicy":
            properties = mapping_or_empty(resource.get("Properties"))
            node = mapping_or_empty(properties.get("ResponseHeadersPolicyConfig")).get("CorsConfig")
            cors = mapping_or_empty(resolver.resolve(node, name))
            patterns = [
                str(behavior.get("PathPattern"))
                for behavior in map(mapping_or_empty, list_or_empty(config.get("CacheBehaviors")))
                if "ResponseHeadersPolicyId" in behavior
            ]
            return CorsPolicy(
                _read_items(cors, "AccessControlAllowOrigins"),
                _read_items(cors, "AccessControlExposeHeaders"),
                tuple(patterns),
            )
    return None


def _read_items(cors: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(item) for item in list_or_empty(mapping_or_empty(cors.get(name)).get("Items")))


def _read_body_limit(resources: Mapping[str, Mapping[str, Any]], resolver: Resolver) -> BodyLimit | None:
    """Read the settings in the code of the distribution's function, which is written in JavaScript.

    The local runner does the same in Python; a test compares the two.
    """
    for name, resource in resources.items():
        if resource.get("Type") == "AWS::CloudFront::Function":
            code = str(resolver.resolve(mapping_or_empty(resource.get("Properties")).get("FunctionCode"), name))
            found = re.search(r"^const settings = (\{.*\});$", code, re.MULTILINE)
            settings = mapping_or_empty(yaml.safe_load(found[1])) if found else {}
            if not {"API_PREFIX", "MAX_BYTES"} <= settings.keys():
                raise TemplateError(f"{name}: the local runner knows only a function with the settings of BodyLimit")
            return BodyLimit(str(settings["API_PREFIX"]), int(settings["MAX_BYTES"]))
    return None
