// The form of a silence: a row of fields for each matcher in the place of lines, and what it matches, as one types.
// What is sent is the lines: without this script one writes them by hand.
(() => {
  const form = document.getElementById("silence");
  const lines = form.elements.matchers;
  const rows = document.getElementById("matcher-rows");
  const SIGNS = [
    ["=", "is"],
    ["!=", "is not"],
    ["=~", "is like"],
    ["!~", "is not like"],
  ];

  // Matchers as rows.
  const READ = /^\s*("(?:[^"\\]|\\.)*"|[^\s"{}=!~,\\]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"]*?)\s*$/;

  // As the server reads and keeps them (sentinel/rules/matchers.py): these three escapes, and all others stay.
  const unquoted = (text) =>
    (text.startsWith('"') ? text.slice(1, -1) : text).replace(/\\([\\n"])/g, (_, sign) => (sign === "n" ? "\n" : sign));
  const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;

  const written = (row) => {
    const [name, sign, value] = [...row.querySelectorAll("[data-part]")].map((field) => field.value);
    if (!name.trim() && !value) return "";
    const quotedName = /^[^\s"{}=!~,\\]+$/.test(name.trim()) ? name.trim() : quoted(name.trim());
    return quotedName + sign + quoted(value);
  };

  const numbered = () => {
    [...rows.querySelectorAll(".matcher-row")].forEach((row, at) => {
      const [name, sign, value, remove] = row.children;
      name.setAttribute("aria-label", `Label of matcher ${at + 1}`);
      sign.setAttribute("aria-label", `How matcher ${at + 1} compares`);
      value.setAttribute("aria-label", `Value of matcher ${at + 1}`);
      remove.setAttribute("aria-label", `Remove matcher ${at + 1}`);
    });
  };

  const write = () => {
    lines.value = [...rows.querySelectorAll(".matcher-row")].map(written).filter(Boolean).join("\n");
    lines.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const field = (value, hint) => {
    const made = Object.assign(document.createElement("input"), { type: "text", value, placeholder: hint });
    made.className = "form-control form-control-sm";
    made.autocomplete = "off";
    made.spellcheck = false;
    made.dataset.part = "";
    return made;
  };

  const choice = (chosen) => {
    const made = document.createElement("select");
    made.className = "form-select form-select-sm";
    made.dataset.part = "";
    made.append(...SIGNS.map(([sign, title]) => Object.assign(new Option(sign, sign), { title })));
    made.value = chosen;
    return made;
  };

  const add = (name = "", sign = "=", value = "") => {
    const row = document.createElement("div");
    row.className = "matcher-row";
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove" });
    remove.className = "btn btn-sm btn-quiet";
    remove.addEventListener("click", () => {
      row.remove();
      if (!rows.querySelector(".matcher-row")) add();
      numbered();
      write();
      rows.querySelector("[data-part]").focus();
    });
    row.append(field(name, "alertname"), choice(sign), field(value, "DiskFull"), remove);
    more.before(row);
    numbered();
    return row;
  };

  const more = Object.assign(document.createElement("button"), { type: "button", textContent: "Add a matcher" });
  more.className = "btn btn-sm btn-quiet";
  more.addEventListener("click", () => add().firstElementChild.focus());

  const showRows = () => {
    const found = lines.value.split("\n").filter((line) => line.trim()).map((line) => READ.exec(line));
    if (found.some((each) => each === null)) return; // what cannot be read is mended where it stands
    rows.append(more);
    for (const [, name, sign, value] of found) add(unquoted(name), sign, unquoted(value));
    if (!found.length) add();
    rows.addEventListener("input", (event) => {
      if (event.target.matches("[data-part]")) write();
    });
    rows.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) event.preventDefault(); // half a matcher is no silence
    });
    rows.hidden = false;
    lines.hidden = true;
    // The label and the error belong to what is seen now.
    rows.setAttribute("role", "group");
    rows.setAttribute("aria-labelledby", "matchers-label");
    const label = lines.labels[0];
    label.id = "matchers-label";
    label.removeAttribute("for");
    document.getElementById("matchers-hint").textContent =
      "All must match. A name is one of the event's labels or fields; =~ takes a regular expression for the whole value.";
    lines.ariaLabel = "Matchers, one to a line";
    lines.removeAttribute("required");
    const error = document.getElementById("matchers-error");
    error?.classList.add("d-block");
  };
  showRows();

  // Lengths at hand.
  const quick = document.getElementById("quick");
  quick.hidden = false;
  quick.addEventListener("click", ({ target }) => {
    if (!target.dataset.fill) return;
    form.elements.ends_at.value = target.dataset.fill;
    form.elements.ends_at.focus();
  });

  // What it matches: asked for a moment after the last change, one question at a time, the last answer counts.
  const ASKED = new Set(["client", "matchers", "windows", "zone", "hours"]);
  const shown = document.getElementById("preview");
  const LOGIN_ENDED = "Your login has ended. What you wrote is still here: copy it before you load the page again.";
  let timer = null;
  let question = null;

  const ask = async () => {
    question?.abort();
    question = new AbortController();
    shown.parentElement.classList.add("is-asking");
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST",
        headers: { "X-Part": "1" },
        body: new URLSearchParams(new FormData(form)),
        redirect: "manual",
        signal: question.signal,
      });
      if (answer.type === "opaqueredirect") throw new Error(LOGIN_ENDED);
      if (!answer.ok) throw new Error(String(answer.status));
      shown.innerHTML = await answer.text();
    } catch (error) {
      if (error.name === "AbortError") return;
      shown.textContent = error.message === LOGIN_ENDED ? LOGIN_ENDED : "The server does not answer. What was written is kept.";
    }
    shown.parentElement.classList.remove("is-asking");
  };
  form.addEventListener("input", ({ target }) => {
    if (!ASKED.has(target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(ask, 400);
  });
  // Otherwise Enter in a field would press it.
  document.getElementById("ask").remove();
})();
