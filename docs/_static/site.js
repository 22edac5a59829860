// Paper is white, whichever mode the reader is in.
const page = document.documentElement.dataset;
let chosen;
addEventListener("beforeprint", () => {
  chosen = page.theme;
  page.theme = "light";
});
addEventListener("afterprint", () => {
  page.theme = chosen;
});

// Names for screen readers, where the theme, Sphinx and the widgets leave them out.

function name(element, words) {
  element.setAttribute("aria-label", words);
}

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".search-button-field")) {
    button.removeAttribute("aria-label"); // its text says more: the key that opens it
  }
  for (const summary of document.querySelectorAll(".bd-sidebar-primary summary")) {
    name(summary, "Pages of " + summary.closest("li").querySelector("a").textContent.trim());
  }
  // A signature of several lines is laid out with <dl>, and defines nothing.
  for (const part of document.querySelectorAll("dt.sig > dl, dt.sig > dl > dd")) {
    part.setAttribute("role", "presentation");
  }

  // A slider is drawn later, and its handle is not tied to its label.
  const sliders = () => {
    for (const handle of document.querySelectorAll(".widget-slider [role=slider]:not([aria-label])")) {
      name(handle, handle.closest(".widget-slider").querySelector("label").textContent);
    }
  };
  const outputs = document.querySelectorAll(".cell_output");
  const watcher = new MutationObserver(sliders);
  outputs.forEach((output) => watcher.observe(output, { childList: true, subtree: true }));
});
