"use strict";
// The pairs of the page, and which of them are shown.
const byId = (id) => document.getElementById(id);
const [form, list, none] = ["filter", "pairs", "none"].map(byId);
const fields = ["kind", "splits", "min", "max", "sort", "conflict", "name", "marks"];

const pairOf = (item) => ({
  item,
  ids: item.dataset.ids.split(" "),
  kind: item.dataset.kind,
  splits: item.dataset.splits,
  isAcross: new Set(item.dataset.splits.split("-")).size > 1,
  isConflict: "conflict" in item.dataset,
  similarity: "similarity" in item.dataset ? Number(item.dataset.similarity) : null,
  get names() {
    const names = Array.from(item.querySelectorAll(".source"), (name) => name.textContent);
    Object.defineProperty(this, "names", { value: names });
    return names;
  },
  get text() {
    const text = this.names.join("\n").toLowerCase();
    Object.defineProperty(this, "text", { value: text });
    return text;
  },
  get ends() {
    return marks.by === "name" ? this.names : this.ids;
  },
});
// In the order of similarity, as the page was written.
const cards = Array.from(list.children, (item) => ({
  item,
  pairs: Array.from(item.querySelectorAll(".twins"), pairOf),
  nImages: Number(item.dataset.images),
  left: Number(item.dataset.left),
}));
cards.forEach((card) => card.pairs.forEach((pair) => { pair.card = card; }));
const pairs = cards.flatMap((card) => card.pairs);
// A group without a similarity stands last in either order.
const least = (card) => Math.min(2, ...card.pairs.map((pair) => pair.similarity ?? 2));
const orders = {
  "": () => cards,
  least: () => [...cards].sort((a, b) => least(a) - least(b)),
  most: () => [...cards].sort((a, b) => b.nImages - a.nImages),
  left: () => [...cards].sort((a, b) => a.left - b.left),
};
let [order, ordered] = ["", cards];
// The pairs that are shown, in their order on the page, and the one that keys and buttons are about.
let [sequence, current] = [[], null];

const bound = (text, otherwise) => (text.trim() === "" || Number.isNaN(Number(text)) ? otherwise : Number(text));
const of = (some, all) => `${some.toLocaleString("en")} of ${all.toLocaleString("en")}`;
const hide = (item, isHidden) => { if (item.hidden !== isHidden) item.hidden = isHidden; };

function show() {
  const state = new FormData(form);
  const get = (name) => state.get(name) ?? "";
  const [min, max, name] = [bound(get("min"), 0), bound(get("max"), 1), get("name").trim().toLowerCase()];
  const isBounded = min > 0 || max < 1;
  // Similarities are 32-bit numbers written in full: 0.9 as it is typed may be a hair more.
  const within = (s) => (s === null ? !isBounded : s >= min - 5e-7 && s <= max + 5e-7);
  const fits = (pair) =>
    (get("kind") === "" || pair.kind === get("kind")) &&
    (get("splits") === "" || (get("splits") === "across" ? pair.isAcross : pair.splits === get("splits"))) &&
    (get("conflict") === "" || pair.isConflict) &&
    within(pair.similarity) &&
    (name === "" || pair.text.includes(name)) &&
    (get("marks") === "" || marks.has(pair) === (get("marks") === "yes"));
  const wanted = get("sort") in orders ? get("sort") : "";
  if (wanted !== order) {
    [order, ordered] = [wanted, orders[wanted]()];
    // Ten times as fast as to append those that are there already.
    list.replaceChildren(...ordered.map((card) => card.item));
  }
  const fitting = new Set(pairs.filter(fits));
  pairs.forEach((pair) => hide(pair.item, !fitting.has(pair)));
  cards.forEach((card) => hide(card.item, !card.pairs.some((pair) => fitting.has(pair))));
  const before = sequence;
  sequence = ordered.flatMap((card) => card.pairs.filter((pair) => fitting.has(pair)));
  if (current !== null && !fitting.has(current)) {
    // The next one of those that were shown takes its place.
    const place = before.indexOf(current);
    select(before.slice(place).find((pair) => fitting.has(pair)) ?? sequence.at(-1) ?? null);
  }
  const nCards = cards.filter((card) => !card.item.hidden).length;
  byId("count").textContent = `${of(nCards, cards.length)} groups, ${of(sequence.length, pairs.length)} pairs`;
  none.hidden = nCards > 0;
  tellPlace();
  return state;
}

function saveFilter(state) {
  const hash = new URLSearchParams();
  for (const name of fields) {
    const value = state.get(name);
    if (value !== null && value !== "" && value !== form.elements[name].defaultValue) hash.set(name, value);
    else if (name === "conflict" && value !== null) hash.set(name, "1");
  }
  const text = hash.toString();
  history.replaceState(null, "", text === "" ? location.pathname + location.search : `#${text}`);
}

function restoreFilter() {
  form.reset();
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const control = fields.includes(name) ? form.elements[name] : undefined;
    if (control === undefined) continue;
    if (control.type === "checkbox") control.checked = value === "1";
    else if (control.tagName !== "SELECT" || Array.from(control.options, (o) => o.value).includes(value)) control.value = value;
  }
  show();
}

function select(pair) {
  current?.item.classList.remove("current");
  current = pair;
  current?.item.classList.add("current");
  tellPlace();
  if (viewer.open) drawViewer();
}

function tellPlace() {
  const text = current === null ? `${sequence.length.toLocaleString("en")} pairs` : of(sequence.indexOf(current) + 1, sequence.length);
  document.querySelectorAll(".place").forEach((place) => { if (place.textContent !== text) place.textContent = text; });
}

// Shows where a pair is on the page, and moves the focus there.
function reveal(pair) {
  const details = pair.item.closest("details");
  if (details !== null) details.open = true;
  pair.item.tabIndex = -1;
  pair.item.setAttribute("role", "group");
  pair.item.setAttribute("aria-label", `Pair of ${pair.names.join(" and ")}`);
  pair.item.focus({ preventScroll: true });
  pair.item.scrollIntoView({ block: "nearest" });
}
