// Rows that are chosen by their boxes: all at once, and how many they are.
(() => {
  const form = document.getElementById("choose");
  const all = form?.querySelector("[data-choose-all]");
  if (!all) return;
  const said = form.querySelector("[data-chosen]");
  const act = form.querySelector("[data-chosen-act]");
  const boxes = [...form.querySelectorAll("input[name=id]")];

  const count = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    act.disabled = !chosen;
    said.textContent = chosen ? `${chosen} chosen` : "";
    all.textContent = chosen === boxes.length ? "Choose none" : "Choose all on this page";
  };
  all.hidden = false;
  all.addEventListener("click", () => {
    const isAll = boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = !isAll;
    count();
  });
  form.addEventListener("change", count);
  count();
})();
