"""Files of rules as people keep them: YAML, read with the line at which each rule stands, and written back.

rules:
  - name: Big orders
    rule: when type == "order" and amount > 500 then notify("email:ops@example.com")
    is_enabled: false
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import yaml

from sentinel.errors import SentinelError
from sentinel.models import Rule
from sentinel.services.ruling.rule_sets import WantedRule

KEYS = ("name", "rule", "is_enabled")
TRUE, FALSE = ("true", "yes", "on"), ("false", "no", "off")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The fast ones, where PyYAML was built with them."""

WIDE = 10_000
"""Characters of a line before YAML would fold it: a rule stays on the line it was written on."""


@dataclass(frozen=True, slots=True)
class FileRule:
    """A rule of a file, and the line on which its text begins."""

    wanted: WantedRule
    line: int
    is_block: bool = False
    """Its lines are lines of the file."""

    def line_of(self, line: int) -> int:
        """The line of the file in which the rule's own line `line` stands."""
        return self.line + line - 1 if self.is_block else self.line


def read(file: TextIO) -> list[FileRule]:
    """Read a file of rules; raises `SentinelError` with the line of each mistake."""
    try:
        root = yaml.compose(file.read(), Loader=LOADER)
    except yaml.YAMLError as error:
        raise SentinelError(f"{file.name}: {_in_one_line(error)}") from None
    except UnicodeDecodeError as error:
        raise SentinelError(f"{file.name}: is not UTF-8 text from byte {error.start} on") from None
    found = [_read_rule(each) for each in _entries(root, file.name)]
    problems = [each for each in found if isinstance(each, str)]
    if problems:
        raise SentinelError("\n".join(f"{file.name}:{each}" for each in problems))
    return [each for each in found if isinstance(each, FileRule)]


def write(rules: Iterable[Rule], file: TextIO) -> None:
    """Write rules so that `read` gives them back as they are."""
    entries = [_entry(each) for each in rules]
    yaml.dump({"rules": entries}, file, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDE)


def _entries(root: Any, name: str) -> Sequence[Any]:
    values = _values(root)
    entries = values.get("rules") if values is not None else None
    if values is None or entries is None or set(values) != {"rules"}:
        raise SentinelError(f"{name}: is no file of rules; it begins with `rules:`, see `sentinel rules export`")
    if _is_empty(entries):
        return ()
    if not isinstance(entries, yaml.SequenceNode):
        raise SentinelError(f"{name}:{_line(entries)}: `rules:` holds no list; each rule begins with `- name: …`")
    return list(entries.value)


def _read_rule(node: Any) -> FileRule | str:
    """The rule, or the line and what is wrong there."""
    values = _values(node)
    if values is None:
        return f"{_line(node)}: is no rule; write name: … and rule: …"
    for key in values:
        if key not in KEYS:
            return f"{_line(values[key])}: unknown key '{key}'; known are {', '.join(KEYS)}"
    for key in ("name", "rule"):
        if not isinstance(values.get(key), yaml.ScalarNode) or not values[key].value.strip():
            return f"{_line(values.get(key, node))}: the rule needs a {key}, as text"
    is_enabled = _truth(values.get("is_enabled"))
    if is_enabled is None:
        return f"{_line(values['is_enabled'])}: is_enabled is true or false"
    text = values["rule"]
    wanted = WantedRule(values["name"].value, text.value, is_enabled)
    return FileRule(wanted, _line(text) + (text.style in ("|", ">")), is_block=text.style == "|")


def _values(node: Any) -> dict[str, Any] | None:
    """The values of a mapping by their keys; None for anything else, or when a key stands in it twice."""
    if not isinstance(node, yaml.MappingNode):
        return None
    found = {str(key.value): value for key, value in node.value}
    return found if len(found) == len(node.value) else None


def _truth(node: Any) -> bool | None:
    if node is None:
        return True
    text = node.value.lower() if isinstance(node, yaml.ScalarNode) else ""
    return text in TRUE if text in TRUE + FALSE else None


def _is_empty(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~")


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _in_one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}{getattr(error, 'problem', None) or 'is not YAML'}"


class _Block(str):
    """Text of several lines, which is written as such."""

    __slots__ = ()


class _Dumper(DUMPER):  # type: ignore[misc, valid-type]
    """Writes blocks as blocks."""


def _represent(dumper: Any, text: _Block) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


_Dumper.add_representer(_Block, _represent)


def _entry(rule: Rule) -> dict[str, Any]:
    text = _Block(rule.text) if "\n" in rule.text else rule.text
    return {"name": rule.name, "rule": text} | ({} if rule.is_enabled else {"is_enabled": False})
