// Keys for the page Review: they press the buttons of the marked tag. They count only while a tag has the focus, so they
// are in nobody's way elsewhere; without this script the buttons do the same.
(() => {
  let at = 0;

  const tags = () => [...document.querySelectorAll("[data-review]")];

  function mark(index) {
    const all = tags();
    if (!all.length) return;
    at = Math.max(0, Math.min(index, all.length - 1));
    for (const tag of all) tag.tabIndex = tag === all[at] ? 0 : -1;
    all[at].focus();
    all[at].scrollIntoView({ block: "nearest" });
  }

  function press(within, key) {
    const button = within?.querySelector(`[data-key="${key}"]`);
    if (button && !document.querySelector(".htmx-request")) button.click();
  }

  document.addEventListener("keydown", (event) => {
    const tag = event.target.closest?.("[data-review]");
    if (!tag || event.ctrlKey || event.altKey || event.metaKey) return;
    at = tags().indexOf(tag);
    const key = event.key.toLowerCase();
    if (key === "a" || key === "r") press(tag, key);
    else if (key === "u") press(document, "u");
    else if (key === "s" || key === "arrowdown") mark(at + 1);
    else if (key === "w" || key === "arrowup") mark(at - 1);
    else return;
    event.preventDefault();
  });

  document.addEventListener("focusin", (event) => {
    const tag = event.target.closest?.("[data-review]");
    if (tag) at = tags().indexOf(tag);
  });

  // The answer has one tag less: the one that moved up into its place is next.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "result") mark(at);
  });
  document.addEventListener("DOMContentLoaded", () => mark(0));
})();
