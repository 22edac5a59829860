// The search: results while typing, each with its section and an excerpt. MiniSearch ranks them.

const home = new URL(document.documentElement.dataset.content_root || "./", location.href);
const MOST = 12;
let index;

function load(name) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL("_static/" + name, home);
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
}

// A name like generate_content counts whole and in its parts, so that "generate" finds it too.
function words(text) {
  const whole = text.split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
  return whole.flatMap((word) => (word.includes("_") ? [word, ...word.split("_")] : [word])).filter(Boolean);
}

// Loaded when a reader first searches: most pages are read without.
async function ready() {
  if (!index) {
    await Promise.all([load("vendor/minisearch/minisearch.js"), load("sections.js")]);
    index = new MiniSearch({
      fields: ["title", "page", "text"],
      storeFields: ["title", "page", "text", "weight"],
      tokenize: words,
    });
    index.addAll(window.SECTIONS);
  }
  return index;
}

function find(asked) {
  return index
    .search(asked, {
      combineWith: "AND",
      prefix: (term) => term.length > 2,
      fuzzy: (term) => (term.length > 5 ? 0.15 : 0),
      boost: { title: 4, page: 2 },
      boostDocument: (id, term, stored) => stored.weight,
    })
    .slice(0, MOST);
}

// The text around the first word that was found, with each such word marked.
function excerpt(result) {
  const terms = Object.keys(result.match).sort((a, b) => b.length - a.length);
  const line = document.createElement("p");
  const found = new RegExp("(" + terms.join("|") + ")", "iu");
  const at = Math.max(0, result.text.search(found) - 60);
  const text = (at ? "… " : "") + result.text.slice(at, at + 180) + " …";
  text.split(new RegExp(found, "giu")).forEach((part, number) => {
    const node = number % 2 ? document.createElement("mark") : document.createTextNode(part);
    if (number % 2) node.textContent = part;
    line.append(node);
  });
  return line;
}

function show(list, results, asked) {
  list.replaceChildren();
  if (!asked) return;
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.textContent = results.length ? `${results.length} found` : `Nothing found for “${asked}”.`;
  list.append(said);
  for (const result of results) {
    const link = document.createElement("a");
    link.href = new URL(result.id, home);
    const title = document.createElement("strong");
    title.textContent = result.title;
    const page = document.createElement("span");
    page.textContent = result.page === result.title ? "" : " in " + result.page;
    link.append(title, page);
    const entry = document.createElement("div");
    entry.append(link, excerpt(result));
    list.append(entry);
  }
}

document.addEventListener("DOMContentLoaded", async () => {
  for (const form of document.querySelectorAll("form.bd-search")) {
    const field = form.querySelector("input[name=q]");
    const list = document.createElement("div");
    list.className = "found";
    form.after(list);
    field.addEventListener("input", async () => {
      await ready();
      show(list, find(field.value), field.value.trim());
    });
    field.addEventListener("keydown", (event) => {
      const first = list.querySelector("a");
      if (event.key === "Enter" && first) {
        event.preventDefault();
        first.click();
      } else if (event.key === "ArrowDown" && first) {
        event.preventDefault();
        first.focus();
      }
    });
    list.addEventListener("keydown", (event) => {
      const links = [...list.querySelectorAll("a")];
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        (links[links.indexOf(document.activeElement) + step] || field).focus();
      }
    });
  }
  const page = document.querySelector("#search-results");
  const asked = new URLSearchParams(location.search).get("q");
  if (page && asked) {
    await ready();
    show(page, find(asked), asked);
  }
});
