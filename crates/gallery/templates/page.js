"use strict";
// The pairs of the page, and which of them are shown.
const byId = (id) => document.getElementById(id);
const [form, list, alike, none, filtersBox] = ["filter", "pairs", "alike", "none", "filters"].map(byId);
const fields = ["kind", "splits", "min", "max", "sort", "leak", "conflict", "name", "marks"];
// Of a large group so many images are shown until more are asked for, and so many pairs are opened by a filter.
const maxMembers = 24;

const nameOf = (source) => source.dataset.source ?? source.textContent;
const pairOf = (item) => ({
  item,
  ids: item.dataset.ids.split(" "),
  kind: item.dataset.kind,
  isDuplicate: item.dataset.kind !== "similar",
  splits: item.dataset.splits,
  isAcross: new Set(item.dataset.splits.split("-")).size > 1,
  isConflict: "conflict" in item.dataset,
  similarity: "similarity" in item.dataset ? Number(item.dataset.similarity) : null,
  // As the manifest has them.
  get names() {
    const names = Array.from(item.querySelectorAll(".source"), nameOf);
    Object.defineProperty(this, "names", { value: names });
    return names;
  },
  get text() {
    const text = Array.from(item.querySelectorAll(".source"), textOf).join("\n");
    Object.defineProperty(this, "text", { value: text });
    return text;
  },
  get ends() {
    return marks.by === "name" ? this.names : this.ids;
  },
});
// What a name is searched in: as it is shown and as the manifest has it.
const textOf = (source) => `${source.textContent}\n${source.dataset.source ?? ""}`.toLowerCase();
const memberOf = (item) => ({ item, id: item.dataset.id, text: textOf(item.querySelector(".source") ?? item) });
const cardOf = (item) => ({
  item,
  isDuplicate: item.parentElement === list,
  pairs: Array.from(item.querySelectorAll(".twins"), pairOf),
  nImages: Number(item.dataset.images),
  left: Number(item.dataset.left),
  rest: item.querySelector(".rest"),
  // The images of a group, in the order of the page.
  get members() {
    const members = Array.from(item.querySelectorAll(".members > .side"), memberOf);
    Object.defineProperty(this, "members", { value: members });
    return members;
  },
});
// In the order of similarity, as the page was written: those that hold duplicates, then those of similar pairs.
const cards = Array.from(document.querySelectorAll(".card"), cardOf);
cards.forEach((card) => card.pairs.forEach((pair) => { pair.card = card; }));
const pairs = cards.flatMap((card) => card.pairs);
const hasDuplicates = pairs.some((pair) => pair.isDuplicate);
// A group without a similarity stands last in either order.
const least = (card) => Math.min(2, ...card.pairs.filter((pair) => pair.isDuplicate || !card.isDuplicate).map((pair) => pair.similarity ?? 2));
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
const digits = (n) => n.toLocaleString("en");
const of = (some, all) => `${digits(some)} of ${digits(all)}`;
const plural = (n, noun) => (n === 1 ? noun : `${noun}s`);
const hide = (item, isHidden) => { if (item.hidden !== isHidden) item.hidden = isHidden; };
const write = (item, text) => { if (item.textContent !== text) item.textContent = text; };

// Whether a pair fits a filter's value.
const fits = {
  kind: (pair, value) => value === "all" || (value === "" ? pair.isDuplicate || !hasDuplicates : pair.kind === value),
  splits: (pair, value) => value === "" || (value === "across" ? pair.isAcross : pair.splits === value),
  leak: (pair, value) => value === "" || (pair.isAcross && pair.isDuplicate),
  conflict: (pair, value) => value === "" || pair.isConflict,
  // Similarities are 32-bit numbers written in full: 0.9 as it is typed may be a hair more.
  similarity: (pair, [min, max]) =>
    pair.similarity === null ? min <= 0 && max >= 1 : pair.similarity >= min - 5e-7 && pair.similarity <= max + 5e-7,
  name: (pair, value) => value === "" || pair.text.includes(value),
  marks: (pair, value) => value === "" || marks.has(pair) === (value === "yes"),
};

function show() {
  const state = new FormData(form);
  const get = (name) => state.get(name) ?? "";
  const values = {
    kind: get("kind"), splits: get("splits"), leak: get("leak"), conflict: get("conflict"), name: get("name").trim().toLowerCase(),
    similarity: [bound(get("min"), 0), bound(get("max"), 1)], marks: get("marks"),
  };
  const wanted = get("sort") in orders ? get("sort") : "";
  if (wanted !== order) {
    // Similar pairs stay behind the others.
    const sorted = orders[wanted]();
    const halves = [true, false].map((isDuplicate) => sorted.filter((card) => card.isDuplicate === isDuplicate));
    [order, ordered] = [wanted, halves.flat()];
    // Ten times as fast as to append those that are there already.
    list.replaceChildren(...halves[0].map((card) => card.item));
    alike?.lastElementChild.replaceChildren(...halves[1].map((card) => card.item));
  }
  const names = Object.keys(fits);
  const fitting = new Set();
  // Those that one filter alone hides, by its name.
  const nearly = Object.fromEntries(names.map((name) => [name, []]));
  for (const pair of pairs) {
    const failed = names.filter((name) => !fits[name](pair, values[name]));
    if (failed.length === 0) fitting.add(pair);
    else if (failed.length === 1) nearly[failed[0]].push(pair);
  }
  tellCounts((name, value) => [...fitting, ...nearly[name]].filter((pair) => fits[name](pair, value)).length);
  pairs.forEach((pair) => hide(pair.item, !fitting.has(pair)));
  cards.forEach((card) => hide(card.item, !card.pairs.some((pair) => fitting.has(pair))));
  if (alike !== null) hide(alike, !cards.some((card) => !card.isDuplicate && !card.item.hidden));
  const before = sequence;
  sequence = ordered.flatMap((card) => card.pairs.filter((pair) => fitting.has(pair)));
  if (current !== null && !fitting.has(current)) {
    // The next one of those that were shown takes its place.
    const place = before.indexOf(current);
    select(before.slice(place).find((pair) => fitting.has(pair)) ?? sequence.at(-1) ?? null);
  }
  // Similar pairs are counted where they are asked for.
  const isCounted = (one) => one.isDuplicate || !hasDuplicates || values.kind === "all" || values.kind === "similar";
  const isPicky = ["splits", "leak", "conflict", "name", "marks"].some((name) => values[name] !== "");
  ordered.filter((card) => !card.item.hidden).forEach((card) => arrange(card, fitting, isCounted, isPicky ? values.name : null));
  const nCards = cards.filter((card) => !card.item.hidden).length;
  const [allCards, allPairs] = [cards, pairs].map((all) => all.filter(isCounted).length);
  write(byId("count"), `${of(nCards, allCards)} ${plural(allCards, "group")}, ${of(sequence.length, allPairs)} ${plural(allPairs, "pair")}`);
  const nOn = names.filter((name) => values[name].toString() !== (name === "similarity" ? "0,1" : "")).length;
  write(byId("n-filters"), nOn === 0 ? "" : ` (${nOn} on)`);
  none.hidden = nCards > 0;
  tellPlace();
  return state;
}

// How many pairs each choice would leave, the other filters being as they are.
function tellCounts(count) {
  for (const name of ["kind", "splits"]) {
    for (const option of form.elements[name]?.options ?? []) {
      option.dataset.label ??= option.textContent;
      write(option, `${option.dataset.label} (${digits(count(name, option.value))})`);
    }
  }
  for (const name of ["leak", "conflict"]) {
    const label = form.elements[name]?.nextElementSibling;
    if (!label) continue;
    label.dataset.label ??= label.textContent;
    write(label, `${label.dataset.label} (${digits(count(name, "1"))})`);
  }
}

// Shows those images and pairs of a group first that a filter asks for. `name` is null where none asks for some of them.
function arrange(card, fitting, isCounted, name) {
  if (card.rest !== null) {
    const rest = card.pairs.filter((pair) => card.rest.contains(pair.item) && isCounted(pair));
    const n = rest.filter((pair) => fitting.has(pair)).length;
    const summary = card.rest.firstElementChild;
    write(summary, `${n < rest.length ? of(n, rest.length) : digits(n)} ${plural(rest.length, "pair")} ${summary.dataset.what}`);
    hide(card.rest, n === 0);
    if (name !== null && n <= maxMembers && !card.rest.open) [card.rest.open, card.isOpened] = [true, true];
    else if (name === null && card.isOpened) [card.rest.open, card.isOpened] = [false, false];
  }
  if (name === null && !card.isArranged) return;
  card.isArranged = name !== null;
  const ids = new Set(card.pairs.filter((pair) => fitting.has(pair)).flatMap((pair) => pair.ids));
  const rank = (member) => (name === null ? 0 : (ids.has(member.id) ? 0 : 2) + (member.text.includes(name) ? 0 : 1));
  const members = card.members.map((member) => [rank(member), member]).sort((a, b) => a[0] - b[0]).map(([, member]) => member.item);
  if (members.length === 0) return;
  card.item.querySelector(".members").replaceChildren(...members);
  showMembers(card);
}

// All images of a group, or the first ones.
function showMembers(card) {
  const members = Array.from(card.item.querySelector(".members").children);
  members.forEach((member, place) => member.classList.toggle("more", place >= maxMembers && !card.showsAll));
  const button = card.item.querySelector("[data-do=members]");
  if (button === null) return;
  button.setAttribute("aria-expanded", String(card.showsAll === true));
  write(button, card.showsAll ? "Show fewer pictures" : `Show all ${digits(members.length)} pictures`);
}

function saveFilter(state) {
  if (isLeaving) {
    // The address is that of the large view until the browser has gone back.
    afterLeaving = () => saveFilter(new FormData(form));
    return;
  }
  const hash = new URLSearchParams();
  for (const name of fields) {
    const value = state.get(name);
    const control = form.elements[name];
    if (value !== null && value !== "" && (control.type === "checkbox" || value !== control.defaultValue)) hash.set(name, value);
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
  const text = current === null ? `${digits(sequence.length)} ${plural(sequence.length, "pair")}` : of(sequence.indexOf(current) + 1, sequence.length);
  document.querySelectorAll(".place").forEach((place) => write(place, text));
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
