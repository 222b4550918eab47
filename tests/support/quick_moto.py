"""Makes moto quicker: the same answers by less work, as `test_quick_moto.py` compares.

Most of a walk's time is moto's: a transaction copies its whole table once per item, each update
walks its syntax tree ten times over, each attribute of an answer is looked for under every name it
could have, and each start reads the models of AWS from the disk again. What replaces that keeps to
moto's own steps and calls the rest of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Final
from unittest.mock import patch

from botocore import hooks, useragent
from botocore import session as botocore_session
from botocore.loaders import Loader, create_loader
from moto import backend_index
from moto.core import models, responses, utils
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.sqs import models as queues

# moto leaves the types of these unchecked.
_parser: Any = vars(expressions)["UpdateExpressionParser"]
_node: Any = vars(ast_nodes)["Node"]
_walker: Any = vars(ast_nodes)["DepthFirstTraverser"]
_cast_value: Any = vars(DynamoType)["cast_value"]
_SANITIZE: Final = "sanitize_user_agent_string_component"
_OURS: Final = ("dynamodb", "sqs", "ssm")
_installed: list[ExitStack] = []


def install() -> None:
    """Replace the slow parts of moto in this process, once."""
    if not _installed:
        stack = ExitStack()
        for owner, name, quick in _replacements():
            stack.enter_context(patch.object(owner, name, quick, create=True))
        _installed.append(stack)


@contextmanager
def plain() -> Iterator[None]:
    """Put moto's own parts back for a block."""
    was_installed = bool(_installed)
    while _installed:
        _installed.pop().close()
    try:
        yield
    finally:
        if was_installed:
            install()


def _replacements() -> Iterator[tuple[Any, str, Any]]:
    """Yield what is replaced: where it is, its name, and what takes its place."""
    # For every request the address patterns of all services are tried in turn.
    patterns = sorted(backend_index.backend_url_patterns, key=lambda entry: entry[0] not in _OURS)
    yield backend_index, "backend_url_patterns", patterns
    # Each start also takes the library `requests` over, address by address: nobody uses it here.
    yield models, "RESPONSES_METHODS", []
    yield botocore_session, "create_loader", _one_loader
    # Pure functions that each client and each request would call anew on the same few names.
    yield hooks.EventAliaser, "_alias_event_name", _alias(hooks.EventAliaser._alias_event_name)
    yield useragent, _SANITIZE, cache(getattr(useragent, _SANITIZE))
    yield responses, "method_names_from_class", cache(utils.method_names_from_class)
    for module in (responses, queues):
        yield module, "camelcase_to_underscores", cache(utils.camelcase_to_underscores)
    serializer = BaseJSONSerializer._serialize_type_structure
    yield BaseJSONSerializer, "_serialize_type_structure", _serializes_what_is_there(serializer)
    yield Table, "__deepcopy__", _copy_of_table
    yield Table, "all_items", _all_items
    yield DynamoDBBackend, "update_item", _updates_a_copy(DynamoDBBackend.update_item)
    yield DynamoType, "cast_value", property(_casts(_cast_value.fget))
    yield DynamoType, "__eq__", _equal
    yield _parser, "make", staticmethod(cache(_parser.make))
    yield _node, "__deepcopy__", _copy_of_node
    yield _walker, "traverse_node_recursively", _traverse
    for checker in (validators.ActionCountValidator, validators.OverlappingPathsValidator):
        yield checker, "traverse", _look_at_root


_loaders: dict[str | None, tuple[Loader, list[str]]] = {}


def _one_loader(data_path: str | None = None) -> Loader:
    """Return the loader of an earlier session: what it has read of AWS's models does not change."""
    if data_path not in _loaders:
        made = create_loader(data_path)
        _loaders[data_path] = made, list(made.search_paths)
    loader, paths = _loaders[data_path]
    loader.search_paths[:] = paths  # a session adds its own
    return loader


def _alias(alias: Callable[[Any, str], str]) -> Callable[[Any, str], str]:
    """Let all clients share what one found: botocore has one list of old names."""
    known: dict[str, str] = {}

    def quick(self: Any, event_name: str) -> str:
        if event_name not in known:
            known[event_name] = alias(self, event_name)
        return known[event_name]

    return quick


# --- the table -------------------------------------------------------------------------------


def _copy_of_table(self: Table, memo: dict[int, Any]) -> Any:
    """Copy what a transaction may change; items themselves are replaced, never changed in place."""
    copied: Any = Table.__new__(Table)
    memo[id(self)] = copied
    vars(copied).update(vars(self))
    # copy() of a defaultdict keeps its factory, and no key is hashed again.
    copied.items = self.items.copy()
    if self.has_range_key:
        for key, partition in self.items.items():
            copied.items[key] = partition.copy()
    copied.stream_shard = copy.deepcopy(self.stream_shard, memo)
    return copied


def _updates_a_copy(update_item: Callable[..., Any]) -> Callable[..., Any]:
    """Let moto update a copy of the item, so that copies of the table may share it."""

    def quick(self: DynamoDBBackend, table_name: str, key: Any, *args: Any, **more: Any) -> Any:
        table: Any = self.get_table(table_name)
        item = self.get_item(table_name, key)
        if item is not None:
            if item.range_key:
                table.items[item.hash_key][item.range_key] = copy.deepcopy(item)
            else:
                table.items[item.hash_key] = copy.deepcopy(item)
        return update_item(self, table_name, key, *args, **more)

    return quick


def _all_items(self: Table) -> list[Any]:
    """Return all items in the order of their keys, each key cast once."""
    if not self.has_range_key:
        return sorted(self.items.values(), key=lambda item: item.hash_key.cast_value)
    found = [item for partition in self.items.values() for item in partition.values()]
    found.sort(key=lambda item: (item.hash_key.cast_value, item.range_key.cast_value))
    return found


# --- values ----------------------------------------------------------------------------------


def _casts(cast: Callable[[DynamoType], Any]) -> Callable[[DynamoType], Any]:
    def quick(self: DynamoType) -> Any:
        return self.value if self.type == "S" else cast(self)

    return quick


def _equal(self: DynamoType, other: DynamoType) -> bool:
    if self.type != other.type:
        return False
    if self.type == "S":
        return bool(self.value == other.value)
    return bool(self.cast_value == other.cast_value)


def _serializes_what_is_there(serialize: Callable[..., None]) -> Callable[..., None]:
    """Let a typed value be asked for the one type that it has, not for all ten."""

    def quick(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        members = shape.members
        if shape.name != "AttributeValue" or type(value) is not dict or value.keys() - members:
            serialize(self, serialized, value, shape, key)
            return
        inner: dict[str, Any] = {}
        for name, content in value.items():
            if content is not None:
                self._serialize(inner, content, members[name], name)
        self._default_serialize(serialized, inner, shape, key)

    return quick


# --- update expressions ----------------------------------------------------------------------


_nodes: dict[type, bool] = {}
_handled: dict[tuple[type, type], bool] = {}


def _is_node(thing: Any) -> bool:
    known = _nodes.get(type(thing))
    if known is None:
        known = _nodes[type(thing)] = isinstance(thing, _node)
    return known


def _handles(walker: Any, node: Any) -> bool:
    """Return whether a walker processes nodes of this class: it is the same for all its walks."""
    kinds = type(walker), type(node)
    known = _handled.get(kinds)
    if known is None:
        known = _handled[kinds] = isinstance(node, walker.nodes_to_be_processed())
    return known


def _traverse(self: Any, node: Any, child_id: int = -1) -> Any:
    """Walk depth first, as moto does, without asking each node anew what it is."""
    if not _is_node(node):
        return node
    parent = node.parent
    if node.children is not None:
        alone = type(self).pre_processing_of_child is _walker.pre_processing_of_child
        for number, child in enumerate(node.children):
            if not alone:
                self.pre_processing_of_child(node, number)
            if _is_node(child):
                _traverse(self, child, number)
    if _handles(self, node):
        node = self.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _look_at_root(self: Any, node: Any) -> Any:
    """Check the whole expression once: each clause inside it holds a part of the same clauses."""
    return self.process(node)


def _copy_of_node(self: Any, memo: dict[int, Any]) -> Any:
    copied = object.__new__(type(self))
    memo[id(self)] = copied
    vars(copied).update(vars(self))
    if self.parent is not None:
        copied.parent = copy.deepcopy(self.parent, memo)
    if self.children is not None:
        copied.children = [
            child if type(child) is str else copy.deepcopy(child, memo) for child in self.children
        ]
    return copied
