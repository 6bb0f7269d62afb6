"""Which route of the HTTP API a request takes, by API Gateway's order of precedence."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.apis import Route


@dataclass(frozen=True)
class Match:
    """A route and the path parameters that it took, decoded; empty for `$default`."""

    route: Route
    parameters: dict[str, str]


def match(routes: Sequence[Route], method: str, raw_path: str) -> Match | None:
    """The route for a method and a path as it was sent (percent-encoded, without the query).

    A full match beats a greedy `{proxy+}`, and both beat `$default`; among full matches a static segment beats a
    parameter, from the left; the method itself beats ANY. The source is "Routes for HTTP APIs" in API Gateway's
    guide. A segment is decoded after it was matched, so an encoded slash stays within its parameter.
    """
    segments = raw_path.split("/")[1:]
    best: tuple[tuple[object, ...], Match] | None = None
    for route in routes:
        if route.method not in ("ANY", method):
            continue
        found = _fit(route, segments)
        if found is None:
            continue
        rank, parameters = found
        candidate = ((*rank, route.method == "ANY"), Match(route, parameters))
        if best is None or candidate[0] < best[0]:
            best = candidate
    return best[1] if best else None


def _fit(route: Route, segments: list[str]) -> tuple[tuple[object, ...], dict[str, str]] | None:
    if route.path == "$default":
        return (2, ()), {}
    wanted = route.path.split("/")[1:]
    greedy = wanted[-1].startswith("{") and wanted[-1].endswith("+}")
    if len(segments) < len(wanted) if greedy else len(segments) != len(wanted):
        return None
    parameters: dict[str, str] = {}
    shape: list[int] = []
    for index, want in enumerate(wanted):
        if greedy and index == len(wanted) - 1:
            parameters[want[1:-2]] = unquote("/".join(segments[index:]))
            shape.append(2)
        elif want.startswith("{") and want.endswith("}"):
            if not segments[index]:
                return None
            parameters[want[1:-1]] = unquote(segments[index])
            shape.append(1)
        elif unquote(segments[index]) == want:
            shape.append(0)
        else:
            return None
    return (int(greedy), tuple(shape)), parameters
