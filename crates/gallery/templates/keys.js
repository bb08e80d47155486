// What the keys and the buttons do.
const [marksDialog, keysDialog, csvText] = ["marks", "keys", "csv"].map(byId);

function say(text) {
  document.querySelectorAll(".said").forEach((said) => { said.textContent = text; });
}

function step(by) {
  if (sequence.length === 0) return;
  const place = sequence.indexOf(current);
  move(place < 0 ? firstInView() : sequence[Math.min(Math.max(place + by, 0), sequence.length - 1)]);
}

function stepGroup(by) {
  if (sequence.length === 0) return;
  if (current === null) return move(firstInView());
  const shown = ordered.filter((card) => !card.item.hidden);
  const card = shown[shown.indexOf(current.card) + by];
  if (card !== undefined) move(card.pairs.find((pair) => !pair.item.hidden));
}

function firstInView() {
  const top = byId("bar").getBoundingClientRect().bottom;
  const card = ordered.find((card) => !card.item.hidden && card.item.getBoundingClientRect().bottom > Math.max(top, 0) + 60);
  return card?.pairs.find((pair) => !pair.item.hidden) ?? sequence.at(-1);
}

function move(pair) {
  say("");
  select(pair);
  if (!viewer.open) reveal(pair);
}

function needCurrent() {
  if (current === null && sequence.length > 0) move(firstInView());
  return current !== null;
}

// A pair looks as its mark says.
function drawMark(pair) {
  const isMarked = marks.has(pair);
  if (pair.item.classList.toggle("marked", isMarked) === (pair.tag !== undefined)) return;
  if (isMarked) {
    pair.tag = element("span", "tag not", "not a duplicate");
    pair.item.querySelector(".about").prepend(pair.tag, " ");
  } else {
    pair.tag.nextSibling.remove();
    pair.tag.remove();
    pair.tag = undefined;
  }
}

function drawMarks() {
  if (!marks.isThere) return;
  pairs.forEach(drawMark);
  byId("n-marks").textContent = digits(marks.n());
  const isFiltered = form.elements.marks.value !== "";
  if (isFiltered) show();
  if (viewer.open) drawViewer();
  if (marksDialog.open) drawMarksDialog();
}

function drawMarksDialog() {
  const nElsewhere = marks.nElsewhere();
  byId("marked").textContent =
    `${digits(marks.n())} ${marks.n() === 1 ? "pair is marked as no duplicate" : "pairs are marked as no duplicates"}` +
    (nElsewhere > 0 ? `, ${digits(nElsewhere)} of them not on this page.` : ".");
  byId("kept").hidden = marks.isKept();
  csvText.value = marks.csv();
  marksDialog.querySelectorAll("[data-do=download], [data-do=copy], [data-do=clear]").forEach((button) => { button.disabled = marks.n() === 0; });
}

function mark() {
  if (!marks.isThere || !needCurrent()) return;
  if (current.kind === "exact") return say("Not marked: the pixels of an exact pair are identical.");
  const isMarked = marks.toggle(current);
  say(isMarked ? "Marked: not a duplicate." : "Mark taken back.");
  drawMarks();
}

function undo() {
  if (!marks.isThere) return;
  const last = marks.undo();
  if (last === undefined) return say("Nothing to undo.");
  say(`Undone: ${last[1].length === 1 ? "a mark" : `${last[1].length} marks`} ${last[0] ? "taken back" : "set again"}.`);
  drawMarks();
  const pair = sequence.find((pair) => marks.isOne(pair, last));
  if (pair !== undefined && last[1].length === 1 && pair !== current) {
    select(pair);
    if (!viewer.open) reveal(pair);
  }
}

function download() {
  const link = element("a", "");
  link.href = URL.createObjectURL(new Blob([marks.csv()], { type: "text/csv" }));
  link.download = "not-duplicates.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say("The file is among your downloads.");
}

async function copy() {
  try {
    await navigator.clipboard.writeText(marks.csv());
  } catch {
    csvText.select();
    if (!document.execCommand("copy")) return say("The browser does not let the page copy: select the text below.");
  }
  say("Copied.");
}

async function importFile() {
  const input = byId("import");
  try {
    say(marks.add(await input.files[0].text()) + ".");
    drawMarks();
  } catch (error) {
    say(`Nothing was added: ${error.message}.`);
  }
  input.value = "";
}

const actions = {
  next: () => step(1),
  previous: () => step(-1),
  nextGroup: () => stepGroup(1),
  previousGroup: () => stepGroup(-1),
  compare: () => { if (needCurrent()) openViewer("sides"); },
  swap: () => { if (needCurrent()) swap(); },
  flicker: () => { if (needCurrent()) flicker(); },
  difference: () => { if (needCurrent()) openViewer(viewer.open && mode === "difference" ? "sides" : "difference"); },
  mark, undo, download, copy,
  clear: () => { marks.clear(); say("All marks were taken back; Undo sets them again."); drawMarks(); },
  choose: () => byId("import").click(),
  members: (button) => {
    const card = cards.find((card) => card.item.contains(button));
    card.showsAll = !card.showsAll;
    showMembers(card);
  },
  search: () => { viewer.close(); filtersBox.open = true; form.elements.name.focus(); form.elements.name.select(); },
  marks: () => { if (marks.isThere) { say(""); if (!marksDialog.open) marksDialog.showModal(); drawMarksDialog(); } },
  keys: () => { keysDialog.open ? keysDialog.close() : keysDialog.showModal(); },
  close: (button) => button.closest("dialog").close(),
};
const doneBy = {
  j: "next", ArrowRight: "next", k: "previous", ArrowLeft: "previous", n: "nextGroup", p: "previousGroup",
  Enter: "compare", " ": "swap", f: "flicker", d: "difference", x: "mark", u: "undo", m: "marks", "/": "search", "?": "keys",
};

addEventListener("keydown", (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : doneBy[key];
  if (action === undefined || event.defaultPrevented) return;
  if (event.target.closest("input, select, textarea") !== null) return;
  // These press the button that has the focus.
  if ((event.key === "Enter" || event.key === " ") && event.target.closest("button, summary, a") !== null) return;
  if (marksDialog?.open && action !== "undo") return;
  if (keysDialog.open && action !== "keys") return;
  event.preventDefault();
  actions[action]();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button === null) return;
  actions[button.dataset.do](button);
  // After a click the space bar is for the pictures again.
  if (viewer.open && event.detail > 0) stage.focus();
});
document.querySelector("main").addEventListener("click", (event) => {
  const item = event.target.closest(".twins");
  const shot = event.target.closest(".shot");
  const card = cards.find((card) => card.item.contains(event.target));
  if (card === undefined) return;
  const isMember = (pair) => shot !== null && pair.ids.some((id) => shot.classList.contains(`i${id}`));
  const pair = card.pairs.find((pair) => (item === null ? isMember(pair) && !pair.item.hidden : pair.item === item));
  if (pair === undefined) return;
  select(pair);
  if (shot !== null) openViewer(shot.querySelector(".difference") === null ? "sides" : "difference");
});
document.querySelectorAll("dialog").forEach((dialog) => dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }));

filtersBox.hidden = byId("tools").hidden = false;
// On a narrow screen the filters are folded.
const narrow = matchMedia("(max-width: 40rem)");
const fold = () => { filtersBox.open = !narrow.matches; };
narrow.addEventListener("change", fold);
fold();
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => saveFilter(show()));
form.addEventListener("reset", () => setTimeout(() => saveFilter(show())));
form.elements.name.addEventListener("keydown", (event) => {
  if (event.key === "Escape" || event.key === "Enter") { event.preventDefault(); list.focus({ preventScroll: true }); }
});
addEventListener("hashchange", restoreFilter);
addEventListener("storage", (event) => { if (marks.isThere && event.key === marks.storageKey) { marks.load(); drawMarks(); } });
byId("import")?.addEventListener("change", importFile);
new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${byId("bar").offsetHeight}px`)).observe(byId("bar"));
// The hash holds the filter: skipping moves the focus and leaves it alone.
document.querySelector("[data-skip]").addEventListener("click", (event) => { event.preventDefault(); list.focus(); list.scrollIntoView(); });
restoreFilter();
drawMarks();
