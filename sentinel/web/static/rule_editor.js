// The editor of rules: colours as one types, errors where they stand, and names to choose from.
// Without this script its field is a plain one, and the same buttons load the page again.
(() => {
  const WAIT_MS = 250;

  // What a word is depends on what stands before it: sentinel/rules/lexemes.py has the same, and its tables come from there.
  function lexer({ shapes, known, reserved, openers, operandEnds }) {
    const pieces = new RegExp(shapes.map(([kind, shape], at) => `(?<${kind}${at}>${shape})`).join("|"), "gu");
    const isReserved = new Set(reserved);
    const isOpener = new Set(openers);
    const endsOperand = new Set(operandEnds);

    function kindOf(word, following, place) {
      if (place.text === ".") return "field";
      if (wantsField(place) && !isReserved.has(word)) {
        if (/^\s*\(/.test(following) || (word === "absent" && /^\s+over(?![\p{L}\p{N}_])/u.test(following))) return "function";
        return /^\s*=(?!=)/.test(following) ? "name" : "field";
      }
      return Object.hasOwn(known, word) ? known[word] : /^\s*\(/.test(following) ? "function" : "name";
    }

    function wantsField({ kind, text, isBy, depth, isInfix }) {
      if (kind === "keyword" || text === "(") return isOpener.has(text) && !isInfix;
      return text === "," && isBy && !depth;
    }

    function behind(place, kind, text) {
      const depth = Math.max(0, place.depth + (text === "[") - (text === "]"));
      const stays = depth || kind === "field" || [",", ".", "]"].includes(text);
      return {
        kind,
        text,
        depth,
        isInfix: text === "not" && (endsOperand.has(place.kind) || [")", "]"].includes(place.text)),
        isBy: (text === "by" && kind === "keyword") || Boolean(place.isBy && stays),
      };
    }

    return (text) => {
      let place = { kind: "", text: "", depth: 0, isInfix: false, isBy: false };
      return [...text.matchAll(pieces)].map((found) => {
        const start = found.index;
        const end = start + found[0].length;
        let [kind] = Object.entries(found.groups).find(([, part]) => part !== undefined);
        kind = kind.replace(/\d+$/, "");
        if (kind === "word") kind = kindOf(found[0], text.slice(end, end + 40), place);
        if (kind !== "space" && kind !== "comment") place = behind(place, kind, found[0]);
        return { kind, text: found[0], start, end };
      });
    };
  }

  const element = (name, className, text = "") =>
    Object.assign(document.createElement(name), { className, textContent: text });

  // Lines of spans, of which those that `wrong` touches are underlined.
  function drawn(pieces, wrong) {
    const lines = [element("span", "rl-line")];
    const put = (text, kind, isWrong) => {
      const className = `${kind === "space" ? "" : `rl-${kind}`}${isWrong ? " rl-wrong" : ""}`.trim();
      if (text) lines.at(-1).append(className ? element("span", className, text) : text);
    };
    for (const { kind, text, start } of pieces) {
      let at = start;
      for (const [number, part] of text.split("\n").entries()) {
        if (number) {
          at += 1;
          lines.push(element("span", "rl-line"));
        }
        const [from, to] = [wrong.start - at, wrong.end - at].map((edge) => Math.min(Math.max(edge, 0), part.length));
        put(part.slice(0, from), kind, false);
        put(part.slice(from, to), kind, true);
        put(part.slice(Math.max(from, to)), kind, false);
        at += part.length;
      }
    }
    return lines;
  }

  // The server counts characters, a text area the halves of some of them.
  const halves = (text, count) => [...text].slice(0, count).join("").length;

  function placeOf(text, { line, column, length }) {
    const lines = text.split("\n");
    const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    const start = before + halves(lines[line - 1] ?? "", column - 1);
    return { start, end: start + halves(text.slice(start), length) };
  }

  const LOGIN_ENDED = "Your login has ended. What you wrote is still here: copy it before you load the page again.";
  const UNCHECKED = "The server does not answer, so the rule is not checked now.";
  const trouble = (error, words) => (error.message === LOGIN_ENDED ? LOGIN_ENDED : words);

  async function sent(form, url, signal, button) {
    const data = new URLSearchParams(new FormData(form));
    if (button?.name) data.append(button.name, button.value);
    const answer = await fetch(url, {
      method: "POST", body: data, signal, credentials: "same-origin", redirect: "manual", headers: { "X-Part": "1" },
    });
    if (answer.type === "opaqueredirect") throw new Error(LOGIN_ENDED); // nothing else leads away from here
    return answer;
  }

  function edit(box) {
    const field = box.querySelector("textarea");
    const colours = box.querySelector(".rl-colours");
    const verdict = document.getElementById(box.dataset.verdict);
    const split = lexer(JSON.parse(box.dataset.lexicon));
    const nothing = { start: -1, end: -1, line: 0, message: "" };
    let wrong = nothing;
    let waiting = 0;
    let asking = null;

    function draw() {
      // The browser sends line ends of its own; here there is one kind.
      const lines = drawn(split(field.value), wrong);
      if (wrong.line && lines[wrong.line - 1]) {
        const line = lines[wrong.line - 1];
        line.classList.add("rl-bad-line");
        line.dataset.problem = wrong.message;
        if (!line.querySelector(".rl-wrong")) line.append(element("span", "rl-wrong", "\u00a0"));
      }
      colours.replaceChildren(...lines);
    }

    function judge({ problem, is_unfinished: isUnfinished, html }) {
      verdict.innerHTML = html;
      field.setAttribute("aria-invalid", String(Boolean(problem) && !isUnfinished));
      wrong = nothing;
      if (problem && !isUnfinished) {
        wrong = { ...placeOf(field.value, problem), line: problem.line, message: problem.message };
      }
      draw();
    }

    async function check() {
      asking?.abort();
      asking = new AbortController();
      const text = field.value;
      try {
        const answer = await sent(field.form, box.dataset.check, asking.signal);
        if (answer.ok && text === field.value) judge(await answer.json());
      } catch (error) {
        if (error.name !== "AbortError") verdict.textContent = trouble(error, UNCHECKED);
      }
    }

    function changed() {
      // What was wrong moves as one types before it; until the next answer it is not shown where it may not be.
      wrong = nothing;
      draw();
      clearTimeout(waiting);
      waiting = setTimeout(check, WAIT_MS);
    }

    field.addEventListener("input", changed);
    document.getElementById("client")?.addEventListener("change", check);
    verdict.addEventListener("click", (click) => {
      const place = click.target.closest("[data-line]");
      if (!place) return;
      const [line, column, length] = ["line", "column", "length"].map((name) => Number(place.dataset[name]));
      const { start, end } = placeOf(field.value, { line, column, length });
      field.focus();
      field.setSelectionRange(start, end);
    });
    box.classList.add("is-coloured");
    draw();
    if (field.value.trim()) check();
    return { field, colours, split, changed };
  }

  // Names to choose from. Tab is never taken: Escape closes the list, arrows choose, Enter takes.
  function complete(box, { field, colours, changed }) {
    const list = box.querySelector("[role=listbox]");
    let asking = null;
    let chosen = 0;
    let from = 0;
    let end = 0;
    let waiting = 0;

    const isOpen = () => !list.hidden;
    // Words are for the place they were asked for, and for no other one.
    const isAt = (place) => field.selectionStart === place && field.selectionEnd === place;
    function close() {
      asking?.abort();
      clearTimeout(waiting);
      list.hidden = true;
      field.removeAttribute("aria-activedescendant");
    }
    function choose(place) {
      const options = [...list.children];
      chosen = (place + options.length) % options.length;
      for (const [number, option] of options.entries()) option.setAttribute("aria-selected", String(number === chosen));
      options[chosen].scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", options[chosen].id);
    }
    function take() {
      if (!isAt(end)) return close();
      const { insert, back } = list.children[chosen].dataset;
      // A text that was closed already is not closed twice.
      const isClosed = insert.endsWith('"') && field.value[end] === '"';
      field.setRangeText(insert, from, end + isClosed, "end");
      const at = field.selectionStart - Number(back);
      field.setSelectionRange(at, at);
      close();
      changed();
      if (Number(back)) ask();
    }
    function place() {
      const range = document.createRange();
      const lines = field.value.slice(0, from).split("\n");
      let left = lines.at(-1).length;
      const line = colours.children[lines.length - 1];
      const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
      let node = walker.nextNode();
      while (node && left > node.length) {
        left -= node.length;
        node = walker.nextNode();
      }
      range.setStart(node ?? line, node ? left : 0);
      range.collapse(true);
      const [spot, frame] = [node ? range.getBoundingClientRect() : line.getBoundingClientRect(), box.getBoundingClientRect()];
      list.style.top = `${spot.bottom - frame.top + 4}px`;
      list.style.left = `${Math.max(0, Math.min(spot.left - frame.left, frame.width - list.offsetWidth))}px`;
    }
    async function ask() {
      asking?.abort();
      asking = new AbortController();
      const [text, at] = [field.value, field.selectionEnd];
      try {
        const answer = await sent(field.form, box.dataset.complete, asking.signal, {
          name: "before", value: text.slice(0, at),
        });
        if (!answer.ok) return;
        const found = await answer.json();
        if (text === field.value && isAt(at)) show(found, at);
      } catch (error) {
        if (error.name !== "AbortError") close(); // it is a help, and no more
      }
    }
    function show({ start, words }, at) {
      if (!words.length || document.activeElement !== field) return close();
      end = at;
      from = halves(field.value, start);
      list.replaceChildren(...words.map(({ text, insert, about, back }, number) => {
        const option = element("li", "rl-option");
        option.id = `${list.id}-${number}`;
        option.setAttribute("role", "option");
        Object.assign(option.dataset, { insert, back });
        option.append(element("span", "rl-option-text", text), element("span", "rl-option-about", about));
        return option;
      }));
      list.hidden = false;
      place();
      choose(0);
    }

    field.addEventListener("input", (event) => {
      close();
      if (event.inputType?.startsWith("delete") || !/[\p{L}\p{N}_"(:.]$/u.test(field.value.slice(0, field.selectionStart))) return;
      waiting = setTimeout(ask, 120);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === " " && event.ctrlKey) {
        event.preventDefault();
        ask();
      } else if (isOpen()) {
        const act = { ArrowDown: () => choose(chosen + 1), ArrowUp: () => choose(chosen - 1), Enter: take, Escape: close }[event.key];
        if (!act) return close();
        event.preventDefault();
        act();
      }
    });
    field.addEventListener("blur", close);
    field.addEventListener("click", close);
    document.addEventListener("selectionchange", () => {
      if (isOpen() && !isAt(end)) close();
    });
    list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = event.target.closest("[role=option]");
      if (!option) return;
      choose([...list.children].indexOf(option));
      take();
    });
  }

  // The short form shows what it becomes.
  function follow(box) {
    const verdict = document.getElementById(box.dataset.verdict);
    let waiting = 0;
    let asking = null;
    const form = box.closest("form");
    async function check() {
      asking?.abort();
      asking = new AbortController();
      try {
        const answer = await sent(form, box.dataset.check, asking.signal);
        if (answer.ok) verdict.innerHTML = (await answer.json()).html;
      } catch (error) {
        if (error.name !== "AbortError") verdict.textContent = trouble(error, UNCHECKED);
      }
    }
    document.getElementById("client")?.addEventListener("change", check);
    box.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(check, WAIT_MS);
    });
  }

  // Buttons and lists that fill a part of the page instead of loading all of it again.
  const filling = new WeakMap();

  function setBusy(part, isBusy) {
    part.setAttribute("aria-busy", String(isBusy));
    for (const button of part.querySelectorAll("button[data-part]")) button.disabled = isBusy;
  }

  async function fill(control, value = control) {
    const part = document.getElementById(control.dataset.part);
    filling.get(part)?.abort(); // its answer would be to an older question
    const asking = new AbortController();
    filling.set(part, asking);
    setBusy(part, true);
    try {
      const answer = await sent(control.form, control.formAction || control.dataset.action, asking.signal, value);
      if (!answer.ok && answer.status !== 422) throw new Error(String(answer.status));
      const html = await answer.text();
      const active = document.activeElement;
      const isLost = part.contains(active) || (control.matches("button") && active === document.body);
      part.innerHTML = html;
      const next = ["[data-result]", "[aria-invalid=true]", "button"].map((each) => part.querySelector(each)).find(Boolean);
      if (isLost) next?.focus(); // what had the focus is gone with the old part
    } catch (error) {
      if (error.name === "AbortError") return;
      const said = part.querySelector("[data-failed]");
      said.textContent = trouble(error, "The server does not answer. Try again.");
      said.hidden = false;
    }
    setBusy(part, false);
  }

  document.addEventListener("click", (click) => {
    const button = click.target.closest("button[data-part]");
    if (!button) return;
    click.preventDefault();
    fill(button);
  });
  // What was written is not lost by a slip.
  function guard(form) {
    let isUnsaved = false;
    form.addEventListener("input", (event) => {
      isUnsaved ||= event.target.name !== "picked"; // to choose an event is no writing
    });
    form.addEventListener("submit", () => {
      isUnsaved = false;
    });
    window.addEventListener("beforeunload", (event) => {
      if (isUnsaved) event.preventDefault();
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll(".rule-form")) guard(form);
    for (const field of document.querySelectorAll("input[data-part]")) {
      field.addEventListener("change", () => fill(field, { name: "look", value: "1" }));
    }
    for (const form of document.querySelectorAll("[data-short-form]")) follow(form);
    for (const box of document.querySelectorAll("[data-rule-editor]")) {
      const editor = edit(box);
      if (box.dataset.complete) complete(box, editor);
    }
  });
})();
