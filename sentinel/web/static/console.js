// What pages do by themselves: parts that stay live, questions before something is done, copies. Everything works
// without it, by hand.
(() => {
  document.documentElement.classList.add("has-script");

  // The navigation of narrow screens.
  const menu = document.getElementById("menu");
  const navigation = document.getElementById("navigation");
  menu.hidden = false;
  menu.addEventListener("click", () => {
    const isOpen = navigation.classList.toggle("is-open");
    menu.setAttribute("aria-expanded", String(isOpen));
  });

  // Live parts: <div data-live="address" data-every="seconds">. An answer with [data-live-until-done] is the last one.
  const FIELDS = "input:not([type=hidden]), textarea, select";
  const FOCUSABLE = "a[href], button, summary, input:not([type=hidden]), select, textarea, [tabindex]";

  // Whoever writes, or is asked something, is left alone.
  const isBusy = (part) =>
    document.querySelector("dialog[open]") !== null ||
    (part.contains(document.activeElement) && document.activeElement.matches(FIELDS));

  const isBox = (field) => field.matches("[type=checkbox], [type=radio]");
  const nameOf = (field) => field.id || `${field.name}=${isBox(field) ? field.value : ""}`;
  const isFilled = (field) => {
    if (isBox(field)) return field.checked !== field.defaultChecked;
    if (field.matches("select")) return [...field.options].some((each) => each.selected !== each.defaultSelected);
    return field.value !== field.defaultValue;
  };

  // What people have filled in, opened, scrolled and reached by keyboard is so again in what replaces it.
  const habits = (part) => ({
    filled: new Map(
      [...part.querySelectorAll(FIELDS)].filter(isFilled).map((each) => [nameOf(each), isBox(each) ? each.checked : each.value]),
    ),
    opened: [...part.querySelectorAll("details[id]")].filter((each) => each.open).map((each) => each.id),
    scrolled: [...part.querySelectorAll(".table-responsive, pre")].map((each) => [each.scrollLeft, each.scrollTop]),
    focused: part.contains(document.activeElement)
      ? { id: document.activeElement.id, place: [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement) }
      : null,
  });

  const restore = (part, { filled, opened, scrolled, focused }) => {
    for (const field of part.querySelectorAll(FIELDS)) {
      const kept = filled.get(nameOf(field));
      if (kept !== undefined) field[isBox(field) ? "checked" : "value"] = kept;
    }
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    part.querySelectorAll(".table-responsive, pre").forEach((each, place) => {
      [each.scrollLeft, each.scrollTop] = scrolled[place] ?? [0, 0];
    });
    if (!focused) return;
    const again = focused.id ? document.getElementById(focused.id) : part.querySelectorAll(FOCUSABLE)[focused.place];
    again?.focus({ preventScroll: true });
  };

  const show = (part, html) => {
    const kept = habits(part);
    part.innerHTML = html;
    restore(part, kept);
    part.dispatchEvent(new CustomEvent("live", { bubbles: true }));
  };

  const setStale = (part, words) => {
    const note = part.previousElementSibling?.classList.contains("stale-note") ? part.previousElementSibling : null;
    part.classList.toggle("is-stale", words !== "");
    if (!words) {
      note?.remove();
    } else if (!note) {
      const said = Object.assign(document.createElement("p"), { className: "stale-note", textContent: words });
      said.setAttribute("role", "status");
      part.before(said);
    } else if (note.textContent !== words) {
      note.textContent = words;
    }
  };

  const refresh = async (part) => {
    if (document.hidden || isBusy(part)) return true;
    try {
      const answer = await fetch(part.dataset.live, { headers: { "X-Live": "1" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      setStale(part, "");
      if (html !== part.shownHtml && !isBusy(part)) {
        part.shownHtml = html;
        show(part, html);
      }
      return !part.querySelector("[data-live-until-done]");
    } catch {
      setStale(part, "This is not fresh: the server does not answer, or your login has ended. Load the page again.");
      return true;
    }
  };

  const keepLive = (part) => {
    const wait = Number(part.dataset.every ?? 3) * 1000;
    const again = async () => {
      if (!part.isConnected) return;
      if (await refresh(part)) setTimeout(again, wait);
    };
    setTimeout(again, wait);
  };
  document.querySelectorAll("[data-live]").forEach(keepLive);

  // <form data-confirm="Delete rule 7?"> asks first.
  const ask = (form, submitter) => {
    const dialog = document.createElement("dialog");
    dialog.className = "confirm";
    dialog.setAttribute("aria-labelledby", "confirm-question");
    dialog.innerHTML =
      '<form method="dialog"><p id="confirm-question"></p><div class="d-flex gap-2 justify-content-end">' +
      '<button class="btn btn-quiet" value="no">Keep it as it is</button>' +
      '<button class="btn btn-danger" value="yes"></button></div></form>';
    dialog.querySelector("p").textContent = form.dataset.confirm;
    dialog.querySelector("[value=yes]").textContent = submitter?.textContent.trim() || "Yes";
    dialog.addEventListener("close", () => {
      const isYes = dialog.returnValue === "yes";
      dialog.remove();
      if (!isYes) return submitter?.focus();
      form.isConfirmed = true;
      form.requestSubmit(submitter ?? undefined);
      form.isConfirmed = false; // a page that comes back from the browser's memory asks again
    });
    document.body.append(dialog);
    dialog.showModal();
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.confirm || form.isConfirmed) return;
    event.preventDefault();
    ask(form, event.submitter);
  });

  // <button data-copy="#id"> copies the text of an element.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    const words = button.textContent;
    const say = (answer, milliseconds) => {
      button.textContent = answer;
      setTimeout(() => {
        button.textContent = words;
      }, milliseconds);
    };
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
      say("Copied", 1500);
    } catch {
      // Browsers lend the clipboard to https and to this machine alone.
      if (source.select) source.select();
      else getSelection().selectAllChildren(source);
      say("Press Ctrl+C", 4000);
    }
  });
})();
