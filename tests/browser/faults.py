"""What our own rules find wrong with a page as it stands, beside those of axe-core: an expression for the browser."""

from __future__ import annotations

FAULTS = r"""
(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const name = (element) => (element.getAttribute("aria-label") ?? element.innerText ?? "").trim();
  if (document.documentElement.lang !== "en") faults.push("the page has no language");
  if (!document.title.endsWith(" · Sentinel")) faults.push("the page has no title");
  for (const landmark of ["h1", "main", "header"]) {
    if (all(landmark).length !== 1) faults.push(`${all(landmark).length} of ${landmark}`);
  }
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    if (!field.labels?.length && !field.ariaLabel) faults.push(`${field.name} has no label`);
  }
  for (const field of all("[type=password]")) {
    if (!field.autocomplete) faults.push(`${field.name} cannot be filled in by a password manager`);
  }
  for (const element of all("a, button")) {
    if (element.checkVisibility() && !name(element)) faults.push(`${element.outerHTML} has no name`);
  }
  for (const table of all("table")) {
    if (!table.caption) faults.push("a table has no caption");
    if (all("th:not([scope])").length) faults.push("a heading of a table has no scope");
  }
  const ids = all("[id]").map((element) => element.id);
  if (new Set(ids).size !== ids.length) faults.push("an id stands twice");
  const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
  if (levels.some((level, at) => level > (levels[at - 1] ?? 0) + 1)) faults.push("a level of headings is left out");
  if (document.documentElement.scrollWidth > window.innerWidth) faults.push("the page is wider than its window");
  return faults;
})()
"""
