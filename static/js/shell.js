// The frame of every page: menu on narrow screens, small conveniences, and what unfold's own pages need from Alpine.
// Pages work without any of this.

document.addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement;
  const opener = document.querySelector("[data-toggle-menu]");

  for (const element of document.querySelectorAll("[data-with-script]")) element.hidden = false;

  function setMenu(open) {
    root.classList.toggle("menu-open", open);
    opener?.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector("#nav-sidebar a")?.focus();
    else if (document.activeElement?.closest("#nav-sidebar")) opener?.focus();
  }
  opener?.addEventListener("click", () => setMenu(!root.classList.contains("menu-open")));
  document.querySelector("[data-close-menu]")?.addEventListener("click", () => setMenu(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && root.classList.contains("menu-open")) setMenu(false);
  });

  for (const form of document.querySelectorAll("[data-submit-on-change]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }
});

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  button.textContent = "Copied";
});

// unfold's templates name these; Alpine's build without eval finds only what is registered.
document.addEventListener("alpine:init", () => {
  const { Alpine } = window;
  Alpine.data("theme", () => ({
    openModal: false,
    filterOpen: false,
    openAllApplications: false,
    adminTheme: "auto",
  }));
  Alpine.data("shell", () => ({
    activeTab: document.body.dataset.activeTab || "",
    sidebarMobileOpen: false,
    sidebarDesktopOpen: true,
    // unfold's forms read the address through `window`, which this build of Alpine keeps from expressions.
    window: { location: { pathname: location.pathname, search: location.search } },
  }));
  for (const name of ["searchForm", "searchDropdown", "searchCommand"]) {
    if (typeof window[name] === "function") Alpine.data(name, window[name]);
  }
});
