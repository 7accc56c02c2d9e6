// A notebook's page as slides: the same cells, as many at a time as its notebook's author put on one.
const cells = [...document.querySelectorAll("main > section")], main = document.querySelector("main");
const bar = document.createElement("div");
let steps = [], at = 0;                  // each step: the cells that are on the screen

function button(words, title, act) {
  const made = document.createElement("button");
  made.textContent = words;
  made.title = title;
  made.onclick = () => { act(); made.blur(); };
  return made;
}

function plan() {                        // needs the cells displayed, for their heights
  const room = main.clientHeight - parseFloat(getComputedStyle(main).fontSize);
  const found = [];
  let screen = [], used = 0;
  for (const cell of cells) cell.classList.add("on");
  for (const cell of cells) {
    const place = cell.dataset.slide;
    if (place === "skip" || place === "notes") continue;
    const height = cell.offsetHeight;
    const next = place === "slide" || place === "subslide" && !cell.matches(".code") || used + height > room;
    if (next) { screen = []; used = 0; }
    else if (place !== "fragment") found.pop();              // it appears together with what is there
    screen = [...screen, cell];
    used += height;
    found.push(screen);
  }
  return found;
}

function show(number, top = true) {
  at = Math.max(0, Math.min(steps.length - 1, number));
  for (const cell of cells) cell.classList.toggle("on", steps[at].includes(cell));
  main.scrollTop = top ? 0 : main.scrollHeight;
  bar.querySelector("span").textContent = `${at + 1} / ${steps.length}`;
  history.replaceState(null, "", `#slides-${at + 1}`);
}

function forth() {                       // what stands below comes first
  const before = main.scrollTop;
  main.scrollTop += main.clientHeight * .8;
  if (main.scrollTop - before < 2) at < steps.length - 1 && show(at + 1);
}

function back() {
  const before = main.scrollTop;
  main.scrollTop -= main.clientHeight * .8;
  if (before - main.scrollTop < 2) at > 0 && show(at - 1, false);
}

function start(number = 0) {
  document.body.classList.add("slides");
  steps = plan();
  show(number);
}

function stop() {
  const here = steps[at][0];
  document.body.classList.remove("slides");
  history.replaceState(null, "", "#" + here.id);
  here.scrollIntoView();
}

function answers() {
  const folded = steps[at].flatMap(cell => [...cell.querySelectorAll("details")]);
  const open = !folded.every(each => each.open);
  for (const each of folded) each.open = open;
}

const keys = { ArrowRight: forth, ArrowDown: forth, PageDown: forth, " ": forth, ArrowLeft: back, ArrowUp: back, PageUp: back,
  Home: () => show(0), End: () => show(steps.length - 1), a: answers, Escape: stop,
  f: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen() };
document.addEventListener("keydown", event => {
  const typing = event.key === " " && event.target.closest("summary, button");
  if (!document.body.classList.contains("slides") || event.ctrlKey || event.altKey || event.metaKey || typing) return;
  if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(each => { each.open = true; }));
for (const cell of document.querySelectorAll("main > table td"))       // on a phone a row is no line of columns
  cell.dataset.name = cell.closest("table").querySelectorAll("th")[cell.cellIndex].textContent;
addEventListener("load", () => {
  if (!cells.length) return;
  bar.id = "bar";
  bar.append(button("‹", "back (PageUp)", back), document.createElement("span"), button("›", "on (PageDown)", forth),
    button("Answers", "open or close what is folded here (a)", answers), button("✕", "the page (Escape)", stop));
  document.body.append(bar);
  document.querySelector("header").append(button("Slides", "this page, one screen at a time", () => start()));
  const asked = location.hash.match(/^#slides(?:-(\d+))?$/);
  if (asked) start((asked[1] || 1) - 1);
});
