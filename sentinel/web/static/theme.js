// Light or dark: what the system prefers, until the button says otherwise. Runs before the page is drawn.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  const kept = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden; then the system decides
    }
  };
  const apply = () => {
    root.dataset.bsTheme = kept() ?? (system.matches ? "dark" : "light");
    document.getElementById("theme")?.setAttribute("aria-pressed", String(root.dataset.bsTheme === "dark"));
  };

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button.hidden = false;
    button.addEventListener("click", () => {
      try {
        localStorage.setItem("theme", root.dataset.bsTheme === "dark" ? "light" : "dark");
      } catch {
        return; // nothing to remember it in
      }
      apply();
    });
    apply();
  });
})();
