// Pairs that a person marked as no duplicates. The browser keeps them for these images, whichever of their pairs a page shows.
const marks = (() => {
  const { marks: digest, by } = document.body.dataset;
  const [storageKey, columns] = [`twinset-not-duplicates:${by}:${digest}`, by === "name" ? ["left", "right"] : ["left_id", "right_id"]];
  const keyOf = (ends) => JSON.stringify([...ends].sort());
  const pairsByKey = new Map();
  let stored = new Map();
  let isKept = true;
  // What was done since the page was opened: [is marked now, keys].
  const done = [];

  function load() {
    try {
      stored = new Map(JSON.parse(localStorage.getItem(storageKey) ?? "[]").map((ends) => [keyOf(ends), ends]));
    } catch {
      isKept = false;
    }
  }
  function save() {
    try {
      localStorage.setItem(storageKey, JSON.stringify([...stored.values()]));
    } catch {
      isKept = false;
    }
  }
  // Other tabs may have marked pairs meanwhile.
  function change(isMarked, all) {
    if (isKept) load();
    for (const ends of all) isMarked ? stored.set(keyOf(ends), ends) : stored.delete(keyOf(ends));
    save();
  }

  const quoted = (text) => (/[",;|\s]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const csv = () => [columns, ...stored.values()].map((row) => row.map(quoted).join(",") + "\n").join("");

  // The rows of a CSV: fields are quoted, with their quotes doubled, or go up to the next comma or line end.
  function rowsOf(text) {
    const [rows, body] = [[], text.replace(/^\ufeff/, "")];
    let [row, end] = [[], 0];
    for (const found of body.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\r|\n|$)/gy)) {
      end = found.index + found[0].length;
      row.push(found[1]?.replaceAll('""', '"') ?? found[2].trim());
      if (found[3] === ",") continue;
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
      if (end === body.length) break;
    }
    if (end < body.length) throw new Error(`not a CSV from character ${end + 1} on`);
    return rows;
  }

  // Adds the pairs of a file that was exported here or written by hand.
  function add(text) {
    const [header = [], ...rows] = rowsOf(text);
    const layouts = [["left_id", "right_id"], ["left", "right"], ["left_source", "right_source"]];
    const layout = layouts.findIndex((names) => names.every((name) => header.includes(name)));
    if (layout < 0) throw new Error(`found the columns ${header.join(", ") || "of an empty file"}, expected left, right or left_id, right_id`);
    const [places, verdict] = [layouts[layout].map((name) => header.indexOf(name)), header.indexOf("is_duplicate")];
    const isById = layout === 0;
    // Names for ids or ids for names, as far as the page has them.
    const others = new Map();
    if (isById !== (by === "id")) {
      for (const pair of pairs) pair.ids.forEach((id, side) => others.set(isById ? id : pair.names[side], isById ? pair.names[side] : id));
    }
    const [fresh, missing] = [new Map(), []];
    rows.forEach((row, number) => {
      if (row.length !== header.length) throw new Error(`row ${number + 2}: found ${row.length} fields, expected ${header.length}`);
      if (/^true$/i.test(row[verdict] ?? "")) return;
      let ends = places.map((place) => row[place]);
      if (isById !== (by === "id")) ends = ends.map((end) => others.get(end));
      if (ends.includes(undefined)) missing.push(row);
      else if (!stored.has(keyOf(ends))) fresh.set(keyOf(ends), ends);
    });
    change(true, fresh.values());
    if (fresh.size > 0) done.push([true, [...fresh.values()]]);
    const left = missing.length > 0 ? `, ${missing.length} left out: their images are not on this page` : "";
    return `${fresh.size} of ${rows.length} pairs added${left}`;
  }

  if (digest !== undefined) load();
  return {
    isThere: digest !== undefined,
    isKept: () => isKept,
    n: () => stored.size,
    nElsewhere() {
      if (pairsByKey.size === 0) pairs.forEach((pair) => pairsByKey.set(keyOf(pair.ends), pair));
      return [...stored.keys()].filter((key) => !pairsByKey.has(key)).length;
    },
    has: (pair) => stored.size > 0 && stored.has(keyOf(pair.ends)),
    toggle(pair) {
      const isMarked = !this.has(pair);
      change(isMarked, [pair.ends]);
      done.push([isMarked, [pair.ends]]);
      return isMarked;
    },
    // The pairs whose marks were undone; none where nothing was done.
    undo() {
      const last = done.pop();
      if (last !== undefined) change(!last[0], last[1]);
      return last;
    },
    isOne: (pair, last) => last[1].some((ends) => keyOf(ends) === keyOf(pair.ends)),
    clear() {
      const all = [...stored.values()];
      change(false, all);
      done.push([false, all]);
    },
    by, csv, add, load, storageKey,
  };
})();
