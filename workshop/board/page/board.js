// Shows what the board knows. Whatever it shows is put there as text, never as HTML.
"use strict";

const SIGNS = { solved: "✓", trying: "·", stuck: "!", left: "–" };
const token = location.hash.slice(1);
const part = (id) => document.getElementById(id);
let before = "";

function element(kind, text, style) {
  const made = document.createElement(kind);
  made.textContent = text ?? "";
  if (style) made.className = style;
  return made;
}

function who(one) {
  return one.name ?? one.number;
}

function head(board) {
  const row = document.createElement("tr");
  for (const title of ["Exercise", "Solved", "Trying", "Stuck", "Most frequent wrong answer"]) {
    const cell = element("th", title);
    cell.scope = "col";
    row.append(cell);
  }
  for (const one of board.attendees) {
    const cell = element("th", who(one), one.hand === null ? "" : "hand");
    cell.scope = "col";
    row.append(cell);
  }
  return row;
}

function line(exercise, attendees) {
  const row = document.createElement("tr");
  if (exercise.label.endsWith(".1")) row.className = "lesson";
  const title = element("th", `${exercise.label} ${exercise.name}`);
  title.scope = "row";
  row.append(title);
  for (const how of ["solved", "trying", "stuck"])
    row.append(element("td", exercise[how] || "", exercise[how] ? how : ""));
  const wrong = exercise.wrong;
  row.append(element("td", wrong ? `${wrong.count} × ${wrong.what}` : "", "wrong"));
  for (const one of attendees) {
    const how = exercise.cells[one.number];
    const cell = element("td", SIGNS[how], how);
    if (how) cell.setAttribute("aria-label", how);
    row.append(cell);
  }
  return row;
}

function show(board) {
  part("past").textContent = board.past
    ? `Everybody has got past ${board.past}.`
    : "Not everybody has solved an exercise yet.";
  const raised = board.attendees.filter((one) => one.hand !== null);
  raised.sort((a, b) => b.hand - a.hand);
  part("hands").textContent = raised.length
    ? `Questions: ${raised.map((one) => `${who(one)} (${Math.floor(one.hand / 60)} min)`).join(", ")}`
    : "";
  document.title = `Board${raised.length ? ` (${raised.length}?)` : ""}${board.scripted ? " (rehearsal)" : ""}`;
  part("head").replaceChildren(head(board));
  part("rows").replaceChildren(...board.exercises.map((one) => line(one, board.attendees)));
}

async function look() {
  try {
    const answer = await fetch("state", { headers: { Authorization: `Bearer ${token}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(JSON.parse(text).message);
    part("trouble").textContent = "";
    if (text !== before) show(JSON.parse(text));
    before = text;
  } catch (error) {
    part("trouble").textContent = `No news: ${error.message}`;
  }
  setTimeout(look, 2000);
}

look();
