// Runs before anything is drawn: the colour scheme (light, dark, or the system's; kept in this browser), and the care for
// pictures that are still being made.
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

// A thumbnail that is still being made answers 503: hide it and ask again, a few times, ever more slowly. Listening
// starts here because pictures can fail before deferred scripts run.
document.addEventListener(
  "error",
  (event) => {
    const image = event.target;
    if (!(image instanceof HTMLImageElement) || !image.dataset.retry) return;
    image.classList.add("is-waiting");
    const tried = Number(image.dataset.tried || 0);
    if (tried >= 5) return;
    image.dataset.tried = String(tried + 1);
    const address = new URL(image.src, location.href);
    address.searchParams.set("again", String(tried + 1));
    setTimeout(() => (image.src = address.href), 1000 * 2 ** tried);
  },
  true,
);
document.addEventListener(
  "load",
  (event) => {
    if (!(event.target instanceof HTMLImageElement)) return;
    event.target.classList.remove("is-waiting");
    event.target.classList.add("is-loaded");
  },
  true,
);
