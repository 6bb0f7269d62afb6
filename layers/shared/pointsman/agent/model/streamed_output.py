"""The output items of a streamed response, collected from all its events and compared with its final event.

Servers differ in what they send: the final event's output may be empty, lack items, or hold the last fragment of a text
only; items may come without indexes or ids, or with ids that change from event to event. So each event is assigned to
an item by whatever identifies it, and what was streamed counts where the final event has less.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...json_values import JsonObject, as_number, as_object, as_objects, as_text
from ...prompts.model_items import format_arguments, join_content
from .read_limits import MAX_BODY_BYTES, MAX_OUTPUT_ITEMS, AnswerTooLong

__all__ = ["StreamedOutput"]

_PART_EVENTS = {
    "response.output_text.delta": ("output_text", "text"),
    "response.output_text.done": ("output_text", "text"),
    "response.refusal.delta": ("refusal", "refusal"),
    "response.refusal.done": ("refusal", "refusal"),
}
_ARGUMENTS_DELTA = "response.function_call_arguments.delta"
_ARGUMENTS_DONE = "response.function_call_arguments.done"
_ITEM_ADDED = "response.output_item.added"
_ITEM_DONE = "response.output_item.done"
_PART_DONE = "response.content_part.done"
_KEPT_EVENTS = {*_PART_EVENTS, _ARGUMENTS_DELTA, _ARGUMENTS_DONE, _ITEM_ADDED, _ITEM_DONE, _PART_DONE}


@dataclass(slots=True)
class _StreamedText:
    """A text so far, in pieces: adding each to the text itself would copy it each time."""

    kind: str = ""
    pieces: list[str] = field(default_factory=list[str])

    def complete(self, text: str) -> None:
        """Take the whole text, unless more has come in pieces."""
        self.pieces = [max(text, str(self), key=len)]

    def __str__(self) -> str:
        self.pieces = ["".join(self.pieces)]
        return self.pieces[0]


@dataclass(slots=True)
class _StreamedItem:
    """An item so far. `parts` are the texts of a message by content index; `index` is the item's output index."""

    number: int
    type: str
    index: int | None = None
    id: str = ""
    item: JsonObject = field(default_factory=dict[str, object])
    parts: dict[int, _StreamedText] = field(default_factory=dict[int, _StreamedText])
    arguments: _StreamedText = field(default_factory=_StreamedText)
    is_done: bool = False

    def build(self) -> JsonObject:
        """Build the item from its `added` or `done` event and the deltas, whichever has more."""
        deltas: dict[str, object] = {"type": self.type}
        if self.type == "message":
            parts = [
                {"type": part.kind, part.kind.removeprefix("output_"): str(part)}
                for _, part in sorted(self.parts.items())
            ]
            deltas |= {"role": "assistant", "status": "completed", "content": parts}
        elif self.type == "function_call":
            deltas["arguments"] = str(self.arguments)
        if self.id:
            deltas["id"] = self.id
        return _merge_item({**deltas, **self.item}, deltas)

    @property
    def has_content(self) -> bool:
        """Whether the response has to have this item: it was finished, or holds a text or a call."""
        return self.is_done or any(str(part) for part in self.parts.values()) or self.type == "function_call"


class StreamedOutput:
    """Collects the output items of one response, up to a size and a number."""

    def __init__(self) -> None:
        self._items: list[_StreamedItem] = []
        self._size = 0
        self._part_count = 0

    def add(self, event: JsonObject, size: int) -> int | None:
        """Add an event; events about anything but items are ignored.

        Args:
            event: the event.
            size: the length of its text, in characters.

        Returns:
            The number of the item that a text delta belongs to, in the order of the items' first events; None for other
            events.

        Raises:
            AnswerTooLong: the items so far are over `MAX_BODY_BYTES`, or there are over `MAX_OUTPUT_ITEMS`.
        """
        kind = as_text(event.get("type"))
        if kind in _KEPT_EVENTS:
            # Of a delta only the text is kept, of other events all.
            self._size += len(as_text(event.get("delta"))) if kind.endswith(".delta") else size
            if self._size > MAX_BODY_BYTES:
                raise AnswerTooLong(f"{MAX_BODY_BYTES} bytes")
        if kind in _PART_EVENTS:
            return self._add_text(event, *_PART_EVENTS[kind], is_delta=kind.endswith(".delta"))
        if kind in (_ARGUMENTS_DELTA, _ARGUMENTS_DONE):
            self._add_arguments(event, is_delta=kind == _ARGUMENTS_DELTA)
        elif kind == _PART_DONE:
            part = as_object(event.get("part"))
            for part_type, name in (("output_text", "text"), ("refusal", "refusal")):
                if part.get("type") == part_type:
                    self._add_text({**event, name: part.get(name)}, part_type, name, is_delta=False)
        elif kind in (_ITEM_ADDED, _ITEM_DONE):
            self._add_item(event, is_done=kind == _ITEM_DONE)
        return None

    def merge_into(self, final_items: object) -> list[JsonObject]:
        """Return the final event's items, completed by what was streamed and is missing or longer there.

        An item of the final event and a streamed one are the same if they have the same id or call id, or else are the
        next of their type in both. A streamed item that the final event lacks is inserted where it was streamed.
        """
        streamed_items = self._sorted()
        final = as_objects(final_items)
        _require_few(len(final))
        counterparts = _match(streamed_items, final)
        merged: list[JsonObject] = []
        next_final = 0
        for streamed, counterpart in zip(streamed_items, counterparts, strict=True):
            if counterpart is None:
                merged.append(streamed)
                continue
            while next_final <= counterpart:
                if next_final == counterpart:
                    merged.append(_merge_item(final[counterpart], streamed))
                elif next_final not in counterparts:
                    merged.append(final[next_final])
                next_final += 1
            if counterpart < next_final - 1:
                # The final event has another order.
                merged.append(_merge_item(final[counterpart], streamed))
        return [*merged, *(final[number] for number in range(next_final, len(final)) if number not in counterparts)]

    def _sorted(self) -> list[JsonObject]:
        """Return the items by output index if all have one of their own, else in the order of their first events."""
        indexes = [streamed.index for streamed in self._items]
        items = self._items
        if None not in indexes and len(set(indexes)) == len(indexes):
            items = sorted(items, key=lambda streamed: streamed.index or 0)
        return [streamed.build() for streamed in items if streamed.has_content]

    def _add_arguments(self, event: JsonObject, *, is_delta: bool) -> None:
        streamed = self._find_or_open(event, "function_call", is_delta=is_delta)
        if is_delta:
            streamed.arguments.pieces.append(as_text(event.get("delta")))
        elif arguments := format_arguments(event.get("arguments")):
            streamed.arguments.pieces = [arguments]
        if name := as_text(event.get("name")):
            streamed.item = {"name": name, **streamed.item}

    def _add_text(self, event: JsonObject, part_type: str, name: str, *, is_delta: bool) -> int:
        streamed = self._find_or_open(event, "message", is_delta=is_delta)
        content_index = int(as_number(event.get("content_index")) or 0)
        part = streamed.parts.get(content_index)
        if part is None:
            self._part_count += 1
            _require_few(self._part_count)
            part = streamed.parts[content_index] = _StreamedText(part_type)
        part.kind = part_type
        if is_delta:
            part.pieces.append(as_text(event.get("delta")))
        else:
            part.complete(as_text(event.get(name)))
        return streamed.number

    def _add_item(self, event: JsonObject, *, is_done: bool) -> None:
        item = as_object(event.get("item"))
        item_type = as_text(item.get("type"))
        identified = {**event, "item_id": item.get("id")}
        if is_done and any(streamed.is_done and self._is_same(streamed, identified, item) for streamed in self._items):
            return
        streamed = self._find(identified, item_type, is_new=not is_done) or self._open(identified, item_type)
        streamed.item = {**streamed.item, **item}
        streamed.is_done = is_done

    def _is_same(self, streamed: _StreamedItem, event: JsonObject, item: JsonObject) -> bool:
        """Whether an item that is done was sent once more. Two calls that differ in their index are two calls."""
        index = _get_index(event)
        return streamed.item == item and streamed.index == index and (bool(streamed.id) or index is not None)

    def _find_or_open(self, event: JsonObject, item_type: str, *, is_delta: bool) -> _StreamedItem:
        """Find the item of a part, or open one; the end of a part may come after the end of its item."""
        found = self._find(event, item_type)
        if found is None and not is_delta:
            done = [streamed for streamed in self._items if streamed.type == item_type and streamed.is_done]
            item_id, index = as_text(event.get("item_id")), _get_index(event)
            same = (
                streamed for streamed in reversed(done)
                if (streamed.id == item_id if item_id and streamed.id else index is None or streamed.index == index)
            )  # fmt: skip
            found = next(same, None)
        return found or self._open(event, item_type)

    def _find(self, event: JsonObject, item_type: str, *, is_new: bool = False) -> _StreamedItem | None:
        """Find the open item that an event is about: by id, then by index, then the last one of the type.

        `is_new` is for the event with which an item starts: an item that such an event was about is not meant.
        """
        candidates = [
            streamed for streamed in reversed(self._items)
            if streamed.type == item_type and not streamed.is_done and not (is_new and streamed.item)
        ]  # fmt: skip
        item_id, index = as_text(event.get("item_id")), _get_index(event)
        by_index = [streamed for streamed in candidates if index is not None and streamed.index == index]
        by_id = [
            streamed for streamed in candidates
            if item_id and streamed.id == item_id and (index is None or streamed.index in (None, index))
        ]  # fmt: skip
        unidentified = [
            streamed for streamed in candidates
            if (index is None or streamed.index is None) and not (item_id and streamed.id)
        ]  # fmt: skip
        return next(iter([*by_id, *by_index, *unidentified]), None)

    def _open(self, event: JsonObject, item_type: str) -> _StreamedItem:
        streamed = _StreamedItem(len(self._items), item_type, _get_index(event), as_text(event.get("item_id")))
        self._items.append(streamed)
        _require_few(len(self._items))
        return streamed


def _require_few(count: int) -> None:
    if count > MAX_OUTPUT_ITEMS:
        raise AnswerTooLong(f"{MAX_OUTPUT_ITEMS} items")


def _get_index(event: JsonObject) -> int | None:
    index = as_number(event.get("output_index"))
    return None if index is None else int(index)


def _match(streamed_items: Sequence[JsonObject], final_items: Sequence[JsonObject]) -> list[int | None]:
    """Return the index of each streamed item's counterpart in the final items, None where there is none."""
    counterparts: list[int | None] = [None] * len(streamed_items)
    free = dict(enumerate(final_items))

    def assign(keys: tuple[str, ...]) -> None:
        for number, streamed in enumerate(streamed_items):
            if counterparts[number] is not None or (keys and not all(streamed.get(key) for key in keys)):
                continue
            same = (
                index for index, final in free.items()
                if all(final.get(key) == streamed.get(key) for key in ("type", *keys))
            )  # fmt: skip
            index = next(same, None)
            if index is not None:
                counterparts[number] = index
                del free[index]

    for keys in (("id", "call_id"), ("id",), ("call_id",), ("name", "arguments"), ()):
        assign(keys)
    return counterparts


def _merge_item(final: JsonObject, streamed: JsonObject) -> JsonObject:
    """Return the final item, with what was streamed where the final one has less."""
    merged = {**final, **{name: value for name, value in streamed.items() if value and not final.get(name)}}
    if final.get("type") == "message":
        if _is_poorer(join_content(final.get("content")), join_content(streamed.get("content"))):
            merged["content"] = streamed["content"]
    elif final.get("type") == "function_call":
        arguments = format_arguments(streamed.get("arguments"))
        if _is_poorer(format_arguments(final.get("arguments")), arguments):
            merged["arguments"] = arguments
    return merged


def _is_poorer(final: str, streamed: str) -> bool:
    """Whether the final text is empty, or only a part of the streamed one."""
    return len(final) < len(streamed) and final in streamed
