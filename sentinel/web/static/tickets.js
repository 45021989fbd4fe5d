// What was chosen in the list stays chosen when its rows are fetched again.
(() => {
  const kept = document.querySelector("[data-keep-choices]");
  const chosen = new Set();

  kept.addEventListener("change", ({ target }) => {
    if (target.name !== "ticket") return;
    if (target.checked) {
      chosen.add(target.value);
    } else {
      chosen.delete(target.value);
    }
  });
  kept.addEventListener("live", () => {
    for (const box of kept.querySelectorAll("[name=ticket]")) {
      box.checked = chosen.has(box.value);
    }
  });
})();
