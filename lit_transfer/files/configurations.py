"""Configurations in YAML as text: their encoding, and verbatim values."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from lit_transfer.errors import ConfigError, one_line
from lit_transfer.files.locations import expanded

# Arguments whose keys, and for the first also values, are values of files. YAML would read 001 as 1, and yes as true.
_AS_WRITTEN = {"where": True, "text_where": True, "label_names": True, "class_weight": False}
# Arguments that are names of columns, or lists of them; null stands for none.
_COLUMNS = ("text_column", "text_columns", "label_column", "label_columns", "weight_column", "split_column")
_OPTION = re.compile(rf"--(?:[\w.]+\.)?({'|'.join([*_AS_WRITTEN, *_COLUMNS])})(\.[^=]+)?")
_NULL = ("null", "Null", "NULL", "~")
# Numbers that YAML 1.1 reads to another base, unlike any other reader: 016 as octal 14, and 1:30 to base 60 as 90.
_OTHER_BASE = re.compile(
    r"[-+]?(?:0[0_]*[1-7][0_]*[0-7][0-7_]*|[1-9][0-9_]*(?::[0-5]?[0-9])+|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)"
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_configuration(path: str | Path) -> str:
    """Read a configuration in UTF-8, or in UTF-16 as PowerShell's `>` writes it.

    Raises:
        ConfigError: The file cannot be read, or is in another encoding.
    """
    try:
        content = expanded(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror or error}.") from error
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"The configuration {path} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}. Save it as UTF-8, "
            f"or convert it, such as from Korean: iconv -f cp949 -t UTF-8 {path} > utf8-{Path(path).name}"
        ) from error


def load_configuration(path: str | Path) -> Any:
    """Read a configuration as plain values, with verbatim values of `where` and `label_names`.

    Raises:
        ConfigError: The file cannot be read, or is not YAML.
    """
    try:
        text = read_configuration(path)
        check_configuration(text, str(path))
        return yaml.safe_load(quote_written(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"The configuration {path} is not YAML: {one_line(error)}.") from error


def check_configuration(text: str, name: str) -> None:
    """Check that a configuration consists of sections, and that YAML reads it as it is written.

    Of a key that is there twice, YAML would take the last one; numbers such as 016 and 1:30 it would read to another base.

    Raises:
        ConfigError: It does not, or is not YAML.
    """
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        verbatim = {id(node) for node in _under_names(root)}
    except RecursionError as error:
        raise ConfigError(
            f"The configuration {name} is nested too deeply, or has an anchor that contains itself, as in `a: &x [*x]`."
        ) from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
        hint = " Indent by spaces, not by tabs." if "\n\t" in text else ""
        raise ConfigError(f"The configuration {name} is not YAML: {said}.{hint}") from error
    if not isinstance(root, yaml.MappingNode):
        what = (
            "is empty" if root is None else f"is a {'list' if isinstance(root, yaml.SequenceNode) else 'single value'}"
        )
        raise ConfigError(f"The configuration {name} {what}; expected sections such as `model:` and `data:`.")
    sections: list[yaml.Node] = [root]
    while sections:
        node = sections.pop()
        if isinstance(node, yaml.SequenceNode):
            sections += node.value
        elif isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    lines = f"lines {seen[key.value]} and {key.start_mark.line + 1}"
                    raise ConfigError(
                        f"The configuration {name} has the key {key.value} twice ({lines}). Join or remove one."
                    )
                if isinstance(key, yaml.ScalarNode):
                    seen[key.value] = key.start_mark.line + 1
                sections.append(value)
        elif id(node) not in verbatim and (number := _in_other_base(node)) is not None:
            decimal = "" if ":" in node.value else f"{int(node.value)}, or "
            raise ConfigError(
                f"The configuration {name}, line {node.start_mark.line + 1}, has {node.value}, which YAML reads as {number}. "
                f"Write {decimal}'{node.value}' in quotes for a text, or {number} for that number."
            )


def quote_written(text: str, whole: str | None = None) -> str:
    """Quote the values in YAML that it would read as something else: numbers to another base, and values of files.

    Args:
        text: A configuration, or a value of an argument.
        whole: Name of the argument if the text is its value.
    """
    if whole is None and not _OTHER_BASE.search(text) and not any(name in text for name in (*_AS_WRITTEN, *_COLUMNS)):
        return text
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:  # reported by the parser
        return text
    found: Iterable[yaml.ScalarNode]
    if whole in _COLUMNS:
        found = _names(root)
    elif whole is not None and _is_collection(root):
        found = _scalars(root, _AS_WRITTEN[whole])
    else:
        found = chain(_under_names(root), _numbers_in_other_base(root))
    plain = {node.start_mark.index: node for node in found if node.style is None and node.value}
    for start, node in sorted(plain.items(), reverse=True):
        text = text[:start] + json.dumps(node.value, ensure_ascii=False) + text[node.end_mark.index :]
    return text


def quote_arguments(words: list[str]) -> list[str]:
    """Quote the values in arguments of a command, such as `--data.where '{code: 001}'` and `--data.where.code 001`."""
    quoted: list[str] = []
    option: re.Match[str] | None = None
    for word in words:
        before, equals, value = word.partition("=")
        if option is not None:
            quoted.append(_quoted_value(word, option))
            option = None
        elif word.startswith("{"):  # several arguments at once, as in --data '{where: {code: 001}}'
            quoted.append(quote_written(word))
        elif equals and (given := _OPTION.fullmatch(before)):
            quoted.append(f"{before}={_quoted_value(value, given)}")
        else:
            option = _OPTION.fullmatch(word)
            quoted.append(word)
    return quoted


def _quoted_value(value: str, option: re.Match[str]) -> str:
    name, key = option.groups()
    if value[:1] in ("[", "{") or (key is None and name not in _COLUMNS):
        return quote_written(value, name)
    # A single value of a key, such as that of --data.where.code, is taken as it is, except null.
    return json.dumps([value]) if value.lower() == "null" and name.endswith("where") else value


def _in_other_base(node: yaml.Node | None) -> int | float | None:
    """Return the value of a number that YAML reads to another base than ten; None for all others."""
    if not isinstance(node, yaml.ScalarNode) or node.style is not None or not _OTHER_BASE.fullmatch(node.value):
        return None
    value: int | float = yaml.safe_load(node.value)
    return value


def _numbers_in_other_base(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield the numbers, keys included, that YAML reads to another base than ten."""
    if isinstance(node, yaml.ScalarNode) and _in_other_base(node) is not None:
        yield node
    elif isinstance(node, yaml.CollectionNode):
        for item in node.value:
            for each in item if isinstance(item, tuple) else (item,):
                yield from _numbers_in_other_base(each)


def _is_collection(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.CollectionNode)


def _under_names(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield the scalars below the arguments with verbatim values."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _under_names(item)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in _AS_WRITTEN and _is_collection(value):
                yield from _scalars(value, _AS_WRITTEN[key.value])
            elif key.value in _COLUMNS:
                yield from _names(value)
            else:
                yield from _under_names(value)


def _names(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield the name of a column, or the names in a list."""
    for name in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if isinstance(name, yaml.ScalarNode) and name.value not in _NULL:
            yield name


def _scalars(node: yaml.Node | None, with_values: bool) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, with_values)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key, with_values)
            if with_values:
                yield from _scalars(value, with_values)
