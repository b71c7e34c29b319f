// Sets the colour scheme before anything is drawn. Choices: light, dark, auto (the system's). Kept in this browser.
(() => {
  const KEY = "mediahub-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem(KEY) || "auto";

  function apply() {
    const dark = chosen() === "dark" || (chosen() === "auto" && system.matches);
    document.documentElement.classList.toggle("dark", dark);
    document.documentElement.classList.toggle("light", !dark);
    for (const button of document.querySelectorAll("[data-theme]")) {
      button.setAttribute("aria-pressed", String(button.dataset.theme === chosen()));
    }
  }

  document.documentElement.classList.add("with-script");
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    for (const button of document.querySelectorAll("[data-theme]")) {
      button.addEventListener("click", () => {
        localStorage.setItem(KEY, button.dataset.theme);
        apply();
      });
    }
  });
})();
