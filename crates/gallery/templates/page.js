"use strict";
(() => {
  const form = document.getElementById("filter");
  const list = document.getElementById("pairs");
  const none = document.getElementById("none");
  const count = form.querySelector("output");
  const skip = document.querySelector("[data-skip]");
  const names = ["kind", "splits", "min", "max", "sort", "conflict"];
  // In the order of similarity, as the page was written.
  const pairOf = (item) => ({
    item,
    kind: item.dataset.kind,
    splits: item.dataset.splits,
    isConflict: "conflict" in item.dataset,
    similarity: "similarity" in item.dataset ? Number(item.dataset.similarity) : null,
  });
  const cards = Array.from(list.children, (item) => ({
    item,
    pairs: Array.from(item.querySelectorAll(".twins"), pairOf),
    nImages: Number(item.dataset.images),
    left: Number(item.dataset.left),
  }));
  const nPairs = cards.reduce((n, card) => n + card.pairs.length, 0);
  // A group without a similarity stands last in either order.
  const least = (card) => Math.min(2, ...card.pairs.map((p) => p.similarity ?? 2));
  const orders = {
    "": () => cards,
    least: () => [...cards].sort((a, b) => least(a) - least(b)),
    most: () => [...cards].sort((a, b) => b.nImages - a.nImages),
    left: () => [...cards].sort((a, b) => a.left - b.left),
  };
  const bound = (text, otherwise) => (text.trim() === "" || Number.isNaN(Number(text)) ? otherwise : Number(text));
  let shownOrder = "";

  function show() {
    const state = new FormData(form);
    const get = (name) => state.get(name) ?? "";
    const [min, max] = [bound(get("min"), 0), bound(get("max"), 1)];
    const isBounded = min > 0 || max < 1;
    // Similarities are 32-bit numbers written in full: 0.9 as it is typed may be a hair more.
    const within = (s) => (s === null ? !isBounded : s >= min - 5e-7 && s <= max + 5e-7);
    const fits = (pair) =>
      (get("kind") === "" || pair.kind === get("kind")) &&
      (get("splits") === "" || pair.splits === get("splits")) &&
      (get("conflict") === "" || pair.isConflict) &&
      within(pair.similarity);
    const hide = (item, isHidden) => { if (item.hidden !== isHidden) item.hidden = isHidden; };
    let [n, nFitting] = [0, 0];
    for (const card of cards) {
      const fitting = card.pairs.filter((pair) => {
        const isFitting = fits(pair);
        hide(pair.item, !isFitting);
        return isFitting;
      }).length;
      hide(card.item, fitting === 0);
      n += fitting > 0;
      nFitting += fitting;
    }
    const order = get("sort") in orders ? get("sort") : "";
    if (order !== shownOrder) {
      list.append(...orders[order]().map((card) => card.item));
      shownOrder = order;
    }
    const of = (some, all) => `${some.toLocaleString("en")} of ${all.toLocaleString("en")}`;
    count.textContent = `${of(n, cards.length)} groups, ${of(nFitting, nPairs)} pairs`;
    none.hidden = n > 0;
    return state;
  }

  function save(state) {
    const hash = new URLSearchParams();
    for (const name of names) {
      const value = state.get(name);
      if (value !== null && value !== "" && value !== form.elements[name].defaultValue) hash.set(name, value);
      else if (name === "conflict" && value !== null) hash.set(name, "1");
    }
    const text = hash.toString();
    history.replaceState(null, "", text === "" ? location.pathname + location.search : `#${text}`);
  }

  function restore() {
    form.reset();
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (!names.includes(name)) continue;
      const control = form.elements[name];
      if (control.type === "checkbox") control.checked = value === "1";
      else if (control.tagName !== "SELECT" || Array.from(control.options, (o) => o.value).includes(value)) control.value = value;
    }
    show();
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => save(show()));
  form.addEventListener("reset", () => setTimeout(() => save(show())));
  addEventListener("hashchange", restore);
  // The hash holds the filter: skipping moves the focus and leaves it alone.
  skip.addEventListener("click", (event) => { event.preventDefault(); list.focus(); list.scrollIntoView(); });
  restore();
})();
