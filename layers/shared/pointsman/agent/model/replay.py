"""The replay of a conversation's history: which items a request sends, in which form, and what to send after a refusal.

What a model answered is sent back unchanged, but only to this model with this key: anything that is bound to another
is left out or sent in the portable form. Reasoning and the items after it, up to the next reasoning, are a group that
is sent in one form, since servers refuse the one without the others. After a refusal less is sent, until it is accepted
or nothing more can be left out; what was refused is kept in the history's rows, so that no request sends it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...db.prompt_history import HistoryItem, ItemRefusal
from ...json_values import as_text
from ...prompts.model_items import ModelItem, build_user_message
from .errors import Refusal
from .item_forms import is_bound, is_reasoning, to_original, to_portable
from .refused_items import find_refused_items, is_about_conversation, may_concern_items

__all__ = ["Replay"]

_MAX_NAMED_REFUSALS = 3
"""After so many refusals that name items, all other items that may be refused are left out at once."""


@dataclass(slots=True)
class _Group:
    """Rows that are sent together: reasoning with the items after it, or one row."""

    rows: list[HistoryItem] = field(default_factory=list[HistoryItem])
    is_of_model: bool = False

    @property
    def is_bound(self) -> bool:
        return self.is_of_model and any(is_bound(row.item) for row in self.rows)


_NOTE = _Group(
    [
        HistoryItem(
            prompt_id="",
            seq=0,
            turn=0,
            item=build_user_message(
                "[Earlier messages of this conversation are left out here. If you need what was said in them, say so.]"
            ),
            origin=None,
            refusal=None,
            status="completed",
        )
    ]
)
"""What the model reads first of a history that is not whole. Every server takes a user's message there."""


class Replay:
    """The history of one request of the model, and how much of it is sent.

    Attributes:
        refusals: what was refused since, by prompt id and `seq` of the row.
    """

    def __init__(self, history: Sequence[HistoryItem], *, is_shortened: bool = False) -> None:
        self.refusals: dict[tuple[str, int], ItemRefusal] = {}
        self._groups = list(_group_rows(history))
        self._is_shortened = is_shortened
        self._prompt_ids = list(dict.fromkeys(row.prompt_id for row in history))
        self._statuses = {row.prompt_id: row.status for row in history}
        self._sent: list[tuple[HistoryItem, _Group, bool]] = []
        self._items: list[ModelItem] = []
        self._refusal_count = 0

    def build_input(self, origin: str) -> list[ModelItem]:
        """Build the input of a request to the model, server and key of this `origin`."""
        self._sent, self._items = [], []
        refused_types = {
            row.item.get("type") for group in self._groups for row in group.rows if self._get_refusal(row) == "type"
        }
        used_ids, omitted_calls = set[str](), set[str]()
        for group in [_NOTE, *self._groups] if self._is_shortened else self._groups:
            is_portable = group.is_of_model and (
                self._must_be_portable(group, origin)
                or any(row.item.get("type") in refused_types for row in group.rows)
            )
            ids = [as_text(row.item.get("id")) for row in group.rows if row.item.get("id")]
            # Some servers give several items the same id, and others refuse that.
            is_portable = is_portable or len(set(ids)) < len(ids) or not used_ids.isdisjoint(ids)
            for row in group.rows:
                item: ModelItem | None = row.item
                call_id = as_text(item.get("call_id"))
                if self._get_refusal(row) == "always" or call_id in omitted_calls:
                    omitted_calls |= {call_id} if call_id else set()
                    continue
                if group.is_of_model:
                    convert = to_portable if is_portable else to_original
                    item = convert(item, f"{row.prompt_id} {row.seq}")
                if item is not None:
                    self._items.append(item)
                    self._sent.append((row, group, is_portable))
            used_ids.update(ids)
        return self._items

    def reduce(self, refusal: Refusal) -> bool:
        """Leave out what the refusal of the last input is about; False if there is nothing that may be left out.

        A refusal that names items is followed. One that names none leaves out everything that is bound. Whole prompts
        are left out, the failed ones first and then the older half, if the refusal is about the conversation as a
        whole, or if the conversation's last prompt has failed as well: no item can end a conversation.
        """
        if refusal.retryable:
            # Some proxies report any refusal of the server behind them as a failure of theirs.
            return (refusal.status >= 500 or not refusal.status) and self._refuse_groups(only_bound=True)
        if not may_concern_items(refusal):
            return False
        self._refusal_count += 1
        is_about_all = is_about_conversation(refusal)
        named = {} if is_about_all else find_refused_items(refusal, self._items)
        if named and self._refusal_count <= _MAX_NAMED_REFUSALS:
            return self._refuse_named(named)
        if refusal.status == 404 and not named:
            return False
        if not is_about_all and self._refuse_groups(only_bound=True):
            return True
        if not is_about_all and self._statuses.get(self._previous_prompt_id) != "failed":
            return False
        return (not is_about_all and self._refuse_groups(only_bound=False)) or self._forget_prompts()

    @property
    def _previous_prompt_id(self) -> str:
        return self._prompt_ids[-2] if len(self._prompt_ids) > 1 else ""

    def _get_refusal(self, row: HistoryItem) -> ItemRefusal | None:
        return self.refusals.get((row.prompt_id, row.seq)) or row.refusal

    def _must_be_portable(self, group: _Group, origin: str) -> bool:
        rows = group.rows
        return (
            any(self._get_refusal(row) for row in rows)
            or (group.is_bound and any(row.origin not in (None, origin) for row in rows))
            or all(is_reasoning(row.item) for row in rows)  # Nothing followed it: servers refuse it alone.
        )

    def _refuse(self, row: HistoryItem, refusal: ItemRefusal) -> None:
        self.refusals[row.prompt_id, row.seq] = refusal

    def _refuse_named(self, named: dict[int, bool]) -> bool:
        """Refuse the items as their model gave them, or, of an earlier prompt and sent in another form, altogether."""
        has_changed = False
        for index, is_type in named.items():
            row, group, is_portable = self._sent[index]
            if (
                group.is_of_model
                and not is_portable
                and self._items[index] != to_portable(row.item, f"{row.prompt_id} {row.seq}")
            ):
                self._refuse(row, "type" if is_type else "content")
            elif row.prompt_id != self._prompt_ids[-1]:
                self._refuse(row, "always")
                self._refuse_call_of(row)
            else:
                continue
            has_changed = True
        return has_changed

    def _refuse_call_of(self, output: HistoryItem) -> None:
        """Refuse the call whose output is refused. The other way round, the output of a call goes with the call."""
        for row, group, _ in self._sent:
            if group.is_of_model and row.item.get("call_id") and row.item["call_id"] == output.item.get("call_id"):
                self._refuse(row, "always")

    def _refuse_groups(self, *, only_bound: bool) -> bool:
        """Refuse all groups that were sent as their model gave them; False if there are none."""
        refused = [
            row for row, group, is_portable in self._sent
            if group.is_of_model and not is_portable and (group.is_bound or not only_bound)
        ]  # fmt: skip
        for row in refused:
            self._refuse(row, "content")
        return bool(refused)

    def _forget_prompts(self) -> bool:
        """Leave out the earlier prompts that failed, or, if none is left, the older half; False if there are none."""
        sent_ids = {row.prompt_id for row, _, _ in self._sent}
        earlier = [prompt_id for prompt_id in self._prompt_ids[:-1] if prompt_id in sent_ids]
        failed = [prompt_id for prompt_id in earlier if self._statuses[prompt_id] == "failed"]
        forgotten = failed or earlier[: (len(earlier) + 1) // 2]
        for group in self._groups:
            for row in group.rows:
                if row.prompt_id in forgotten:
                    self._refuse(row, "always")
        self._is_shortened = self._is_shortened or bool(forgotten)
        return bool(forgotten)


def _group_rows(history: Sequence[HistoryItem]) -> Iterator[_Group]:
    """Yield the groups in order. A group never goes beyond one response of the model."""
    group, last = _Group(), None
    for row in history:
        is_of_model = _is_of_model(row)
        continues = (
            is_of_model
            and group.is_of_model
            and last is not None
            and (last.prompt_id, last.turn) == (row.prompt_id, row.turn)
            and (not is_reasoning(row.item) or is_reasoning(last.item))
        )
        if not continues:
            if group.rows:
                yield group
            group = _Group(is_of_model=is_of_model)
        group.rows.append(row)
        last = row
    if group.rows:
        yield group


def _is_of_model(row: HistoryItem) -> bool:
    return (
        row.turn > 0 and row.item.get("type") != "function_call_output" and row.item.get("role") in (None, "assistant")
    )
