// One pair, large: side by side, the one in the place of the other, or their difference.
const viewer = byId("viewer");
const stage = byId("stage");
let [mode, isLeft, flickering] = ["sides", false, 0];
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function openViewer(wanted) {
  if (current === null) return;
  mode = wanted;
  if (mode !== "flicker") stopFlicker();
  if (!viewer.open) {
    viewer.showModal();
    // The browser's back button closes it.
    if (history.state !== "compare") history.pushState("compare", "");
  }
  drawViewer();
  stage.focus();
}

function drawViewer() {
  if (current === null) return viewer.close();
  const both = current.item.querySelector(".difference");
  if (both === null) mode = "sides";
  const sides = Array.from(current.item.querySelectorAll(".sides > .side")).slice(0, 2);
  const texts = sides.map((side) => Array.from(side.querySelectorAll(".of, .tag"), (text) => text.cloneNode(true)));
  if (mode === "sides") {
    const pictures = sides.map((side) => side.firstElementChild.cloneNode(true));
    stage.replaceChildren(...pictures.map((picture, side) => element("figure", "half", picture, element("figcaption", "", ...texts[side]))));
  } else {
    const over = both.cloneNode(true);
    over.classList.add("over");
    const frame = element("div", "frame", over);
    stage.replaceChildren(frame);
    // A square that both pictures are stretched to becomes as wide and as high as the right one.
    const look = getComputedStyle(over.lastElementChild);
    const [width, height] = ["--w", "--h"].map((name) => Number(look.getPropertyValue(name)) || 1);
    over.style.scale = `${width / Math.max(width, height)} ${height / Math.max(width, height)}`;
    if (mode === "flicker") {
      over.classList.replace("difference", "swapped");
      over.style.clipPath = "none";
    }
    const captions = [...texts, ["Difference, four times as bright: black where the pictures are equal"]];
    captions.forEach((text) => frame.append(element("div", "caption", ...text)));
  }
  byId("about").replaceChildren(...current.item.querySelector(".about").cloneNode(true).childNodes);
  viewer.querySelectorAll("[data-mode]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    button.disabled = both === null && button.dataset.mode !== "sides";
  });
  viewer.querySelector("[data-do=mark]")?.setAttribute("aria-pressed", String(marks.isThere && marks.has(current)));
  turn(isLeft);
}

// Shows the left picture in the place of the right one, or the right one.
function turn(toLeft) {
  isLeft = toLeft;
  stage.firstElementChild.dataset.shows = mode === "difference" ? "2" : isLeft ? "0" : "1";
  byId("blink").setAttribute("aria-pressed", String(flickering !== 0));
}

function swap() {
  if (!viewer.open || mode !== "flicker") openViewer("flicker");
  else turn(!isLeft);
}

function stopFlicker() {
  clearInterval(flickering);
  flickering = 0;
}

// Swaps twice a second until it is called again; once where motion is not wanted.
function flicker() {
  if (isStill.matches) return swap();
  const wasFlickering = flickering !== 0 && viewer.open && mode === "flicker";
  stopFlicker();
  if (!wasFlickering) flickering = setInterval(() => { if (mode === "flicker") turn(!isLeft); }, 500);
  openViewer("flicker");
}

let [isLeaving, afterLeaving] = [false, null];
addEventListener("popstate", () => {
  const wasLeaving = isLeaving;
  isLeaving = false;
  afterLeaving?.();
  afterLeaving = null;
  if (!viewer.open || history.state === "compare") return;
  // Closing it goes back, which the browser does a moment later. If it was opened again meanwhile, it stays open.
  if (wasLeaving) history.pushState("compare", "");
  else viewer.close();
});
viewer.addEventListener("close", () => {
  if (viewer.open) return;
  stopFlicker();
  if (history.state === "compare" && !isLeaving) {
    isLeaving = true;
    history.back();
  }
  // Who searches for a name has the focus there.
  if (current !== null && !form.contains(document.activeElement)) reveal(current);
});

// A finger that moves to the left brings the next pair, one that moves to the right the previous one.
let touched = null;
stage.addEventListener("touchstart", (event) => { touched = event.touches.length === 1 ? event.touches[0] : null; }, { passive: true });
stage.addEventListener("touchend", (event) => {
  if (touched === null || event.touches.length > 0) return;
  const [right, down] = ["clientX", "clientY"].map((axis) => event.changedTouches[0][axis] - touched[axis]);
  touched = null;
  if (Math.abs(right) > 40 && Math.abs(right) > 2 * Math.abs(down)) step(right < 0 ? 1 : -1);
});
