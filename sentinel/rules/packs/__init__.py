"""Rules that are shipped: files of texts that a user can copy and edit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from sentinel.errors import NotFoundError
from sentinel.rules.parser import parse
from sentinel.rules.syntax import RuleSyntax

PACKS = ("device_health",)


@dataclass(frozen=True, slots=True)
class PackRule:
    """A rule of a pack: its name, its text as shipped, and what the text says."""

    name: str
    text: str
    syntax: RuleSyntax


def load_pack(name: str) -> tuple[PackRule, ...]:
    """The rules of a pack in the order of its file."""
    if name not in PACKS:
        raise NotFoundError(f"no rule pack '{name}'; there are: {', '.join(PACKS)}")
    text = resources.files(__name__).joinpath(f"{name}.rules").read_text(encoding="utf-8")
    return tuple(_rule(each) for each in text.strip().split("\n\n") if "\nwhen " in each)


def _rule(block: str) -> PackRule:
    """A block is a line `# name` and the rule below it."""
    title, text = block.split("\n", 1)
    return PackRule(title.removeprefix("# "), text, parse(text))
