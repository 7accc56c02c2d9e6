// Draws the page from the data that Python wrote into it.  What is on show at a step is in the data, as signs; here
// they become boxes, arcs and bars.  No network (but to its own address, where `serve` has written the page).
(async function () {
  "use strict";
  const DATA = await unpacked(document.getElementById("data").textContent);
  const stage = document.getElementById("stage");
  const STEP = ["round", "beat", "t", "level", "say", "drafts", "choices", "strips", "lengths", "first", "missing",
    "besides"];
  const BEATS = DATA.vocabulary.beats, SAYS = DATA.vocabulary.says;
  const RACE_MS = 12000, PACE_MS = 380, BEFORE = 12;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  let show = null;                       // the run, or the two runs, on the page
  let at = 0;                            // the place in show.play
  let details = false, predict = false, mask = false, racing = 0;
  let timers = [];

  // ------------------------------------------------------------------------------------------------ small helpers

  async function unpacked(text) {        // JSON, or, of many runs, deflated and in base64
    if (text.startsWith("{")) return JSON.parse(text);
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  }

  function make(tag, name, text, parent) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined && text !== null) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  function clear(node) { node.replaceChildren(); return node; }
  function later(ms, act) { timers.push(setTimeout(act, ms)); }
  function quiet() { timers.forEach(clearTimeout); timers = []; cancelAnimationFrame(racing); racing = 0; }
  function plural(count, noun) { return `${count} ${noun}${count === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`; }
  function label(run, word) { return run.words[word][0]; }
  function raw(run, word) { return run.words[word][1]; }

  function prose(run, words) {           // as it is read: bytes that are tokens of their own joined to characters
    return words.map((word) => raw(run, word)).join("").replace(/(?:<0x[0-9A-F]{2}>)+/g, (bytes) => {
      const numbers = Uint8Array.from(bytes.match(/[0-9A-F]{2}(?=>)/g), (digits) => parseInt(digits, 16));
      try { return new TextDecoder("utf-8", {fatal: true}).decode(numbers); } catch { return bytes; }
    });
  }

  function stateOf(sign) { return sign === SAYS ? "says" : sign === " " ? "none" : DATA.vocabulary.tokens[sign][0]; }
  function roundOf(run, step) { return run.rounds[step.round - 1]; }

  function prepared(given) {             // steps as objects, and the text before each round
    for (const run of given.runs) {
      if (run.ready) continue;
      run.ready = true;
      run.steps = run.steps.map((step) => Object.fromEntries(STEP.map((name, place) => [name, step[place]])));
      let tokens = run.prompt, passes = 0;
      for (const round of run.rounds) {
        round.tokens = tokens;
        round.passes = passes++;
        tokens = tokens.concat(round.committed);
      }
      run.tokens = tokens;
    }
    const [{steps}] = given.runs;        // of one run a step's place is enough
    given.play = given.play.map((scene) => typeof scene !== "number" ? scene
      : {kind: "step", steps: [scene], acts: [1], level: steps[scene].level});
    return given;
  }

  // ------------------------------------------------------------------------------------------------ the frame

  const ask = make("form", "ask", null, stage);
  const head = make("header", "", null, stage);
  const title = make("h1", "", "", head);
  title.setAttribute("aria-live", "polite");
  const line = make("div", "line", null, head);
  const beats = make("ol", "beats", null, line);
  const meter = make("p", "meter", "", line);
  const body = make("main", "", null, stage);
  body.id = "body";
  const panel = make("section", "", null, stage);
  panel.id = "panel";
  const foot = make("footer", "", null, stage);
  const story = make("p", "", null, foot);
  story.id = "story";
  const row = make("div", "foot", null, foot);
  const maps = make("div", "", null, row);
  maps.id = "maps";
  maps.tabIndex = 0;
  maps.setAttribute("role", "slider");
  maps.setAttribute("aria-label", "round");
  const bill = make("p", "bill", "", row);
  const tools = make("div", "tools", null, row);
  const spoken = make("p", "unseen", "", stage);
  const help = make("aside", "", null, stage);
  help.id = "help";
  help.hidden = true;
  const paper = make("div", "", null, document.body);
  paper.id = "paper";
  const BUTTONS = [["‹", "back", () => back()], ["›", "next", () => next()], ["i", "details", () => toggle("details")],
    ["q", "predict", () => toggle("predict")], ["d", "dark or light", dark], ["f", "full screen", full],
    ["?", "keys and signs", () => drawHelp(help.hidden)]];
  const pressed = {};
  for (const [text, name, act] of BUTTONS) {
    const button = make("button", "", text, tools);
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", act);
    pressed[name] = button;
  }

  // ------------------------------------------------------------------------------------------------ moving about

  function shown(place) {                // whether the mode that is on has this step
    const level = show.play[place].level;
    return level === "" || level === (details || predict ? "details" : "short");
  }

  function find(from, step, wanted) {
    for (let place = from + step; place >= 0 && place < show.play.length; place += step)
      if (shown(place) && (!wanted || wanted(show.play[place]))) return place;
    return -1;
  }

  function next() {
    if (racing) return go(at);           // the race, at once at its end
    const place = find(at, 1);
    if (place >= 0) go(place, true);
  }

  function back() {
    const place = find(at, -1);
    if (place >= 0) go(place);
  }

  function roundAt(place) {
    const scene = show.play[place];
    if (scene.kind !== "step") return 0;
    return Math.max(...scene.steps.map((index, run) => scene.acts[run] ? show.runs[run].steps[index].round : 0));
  }

  function last() { return Math.max(...show.runs.map((run) => run.rounds.length)); }

  function placeOf(round, beat) {        // the first step of a round; or of one of its beats, counted from 1
    const from = show.play.length - 1;
    let found = -1;
    for (let place = from; place >= 0; place -= 1) {
      if (!shown(place) || roundAt(place) !== round) continue;
      if (beat && BEATS.indexOf(beatAt(place)) !== beat) continue;
      found = place;
    }
    return found;
  }

  function beatAt(place) {
    const scene = show.play[place];
    if (scene.kind !== "step") return "";
    const acting = scene.acts.indexOf(1);
    return BEATS[show.runs[acting].steps[scene.steps[acting]].beat];
  }

  function goRound(round) {
    const place = placeOf(Math.min(Math.max(round, 1), last()));
    if (place >= 0) go(place);
  }

  function goRejection(step) {
    let round = roundAt(at);
    if (!round) round = step > 0 ? 0 : last() + 1;
    for (round += step; round >= 1 && round <= last(); round += step)
      if (show.runs.some((run) => run.rounds[round - 1] && rejects(run.rounds[round - 1]))) return goRound(round);
  }

  function rejects(round) { return round.judged > round.accepted; }

  function toggle(what) {
    if (what === "details") details = !details; else predict = !predict;
    const round = roundAt(at);
    if (!shown(at)) at = round ? placeOf(round, BEATS.indexOf(beatAt(at))) : find(at, 1);
    if (at < 0) at = placeOf(round || 1);
    go(at);
  }

  function dark() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  }

  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (document.documentElement.requestFullscreen) document.documentElement.requestFullscreen().catch(() => {});
  }

  function address() {
    const scene = show.play[at], round = roundAt(at);
    const hash = round > 0 && round <= last() ? `#${round}.${BEATS.indexOf(beatAt(at))}` : `#${scene.kind}`;
    try { history.replaceState(null, "", hash); } catch { /* an isolated frame has no address of its own */ }
  }

  function fromAddress() {
    const hash = location.hash.slice(1);
    const numbers = hash.match(/^(\d+)(?:\.(\d))?$/);
    if (numbers) {
      const place = placeOf(Number(numbers[1]), Number(numbers[2] || 0));
      return place >= 0 ? place : placeOf(Number(numbers[1]));
    }
    return show.play.findIndex((scene) => scene.kind === hash);
  }

  // ------------------------------------------------------------------------------------------------ one scene

  function go(place, moving) {
    quiet();
    at = place;
    const scene = show.play[at];
    stage.className = show.runs.length > 1 ? "pair" : "single";
    stage.dataset.kind = scene.kind;
    pressed.details.setAttribute("aria-pressed", details);
    pressed.predict.setAttribute("aria-pressed", predict);
    clear(panel);
    const draw = {race: () => drawRace(0), raced: () => drawRace(1, moving && !still.matches), question: drawQuestion,
      change: drawChange, bars: drawBars, step: () => drawStep(scene, moving && !still.matches)};
    draw[scene.kind]();
    drawMaps();
    address();
  }

  function say(text) { if (title.textContent !== text) title.textContent = text; }

  function bodyOnly(text) {              // a scene without rounds
    say(text);
    clear(beats);
    meter.textContent = "";
    story.hidden = true;
    spoken.textContent = "";
    return clear(body);
  }

  function drawBeats(beat, scene) {
    clear(beats);
    for (const name of BEATS.slice(1, -1)) {
      const item = make("li", "", name, beats);
      if (name === beat) item.setAttribute("aria-current", "step");
    }
    clear(meter);
    const run = show.runs[0], step = run.steps[scene.steps[0]], round = roundOf(run, step);
    if (!round) return;
    if (show.runs.length > 1) { meter.append(`round ${roundAt(at)} of ${last()}`); return; }
    const now = BEATS.indexOf(beat), grown = now >= BEATS.indexOf("commit") ? round.committed.length : 0;
    const written = round.tokens.length - run.prompt.length + grown;
    const passes = round.passes + (now >= BEATS.indexOf("verify") ? 1 : 0);
    const named = (count, noun) => plural(count, noun).slice(String(count).length);
    const parts = ["round ", step.round, ` of ${run.rounds.length} · `, written, `${named(written, "token")} written · `,
      passes, `${named(passes, "target pass")} (plain: ${written})`];
    for (const part of parts) make(typeof part === "number" ? "b" : "span", "", part, meter);
  }

  function drawStep(scene, moving) {
    const acting = scene.acts[1] ? 1 : 0;
    const steps = scene.steps.map((index, run) => show.runs[run].steps[index]);
    const main = steps[acting], beat = BEATS[main.beat];
    if (beat === "totals" || beat === "prefill") return drawPlain(main, acting);
    drawBeats(beat, scene);
    const asked = predict && (beat === "verify");
    say(asked ? `Predict: how many of the ${plural(main.drafts.length, "guess")} will the target keep?` : main.say);
    clear(body);
    if (show.story && show.story.changes.length) drawDiff(body, true);
    const lanes = steps.map((step, run) => roundOf(show.runs[run], step)
      ? drawLane(body, show.runs[run], step, run, !scene.acts[run]) : drawEnded(body, run));
    drawStory(show.runs[acting], main, beat);
    if (details) drawDetails(show.runs[acting], main);
    else if (beat === "draft" && show.runs.length === 1) drawFormula(show.runs[0], main, main.drafts.trimEnd().length);
    fit(lanes);
    lanes.forEach((lane) => lane && play(lane, moving));
    drawMask(show.runs[acting], main);
    spoken.textContent = lanes.map((lane) => lane ? words(lane) : "").join(" ");
  }

  function drawPlain(step, place) {
    const main = bodyOnly(step.say), run = show.runs[place];
    if (BEATS[step.beat] === "totals") {
      const facts = make("div", "facts", null, main);
      for (const [name, value, meaning] of run.facts) {
        make("span", "", name, facts);
        make("b", "", value, facts);
        make("span", "", meaning, facts);
      }
    }
    story.hidden = false;
    clear(story).append(prose(run, run.tokens));
    trim(story);
  }

  // ------------------------------------------------------------------------------------------------ a lane: one round

  function drawLane(parent, run, step, index, waits) {
    const round = roundOf(run, step), start = round.tokens.length;
    const root = make("section", `lane ${["correct", "broken"][index]}`, null, parent);
    if (show.runs.length > 1) {
      if (waits) root.classList.add("waits");
    }
    root.style.setProperty("--v", `calc(${size()} * var(--u))`);
    const lane = {root, name: show.names[index], run, step, round, start, columns: new Map(), odd: oddStep(run, step)};
    const end = start + Math.max(round.proposed.length, round.choices.length);
    const first = Math.max(0, start - BEFORE);
    const all = [];
    for (let place = first; place < end; place += 1) all.push(place);
    layout(lane, all, first);
    sign(lane, step.drafts, step.choices);
    const besides = lane.odd ? lane.odd.besides : [];
    if (besides.length && besides.length <= 8)
      make("p", "besides", `read besides: ${besides.map(([, word]) => label(run, word)).join(" ")}`, root);
    return lane;
  }

  function drawEnded(parent, index) {
    const root = make("section", `lane waits ${["correct", "broken"][index]}`, null, parent);
    const name = make("h2", "", show.names[index], root);
    make("small", "", index === 1 && show.story.error ? show.story.error : "has come to its end", name);
    return null;
  }

  function size() {                      // a token is a thirtieth of the height; few drafts have room to be larger
    const unit = parseFloat(getComputedStyle(stage).paddingLeft) / (upright() ? 2 : 4);
    const least = innerHeight / 30 / (unit * (upright() ? 3.9 : 3.5));
    const few = upright() || show.runs.length > 1 ? 1 : Math.min(1.4, 1.75 - .09 * show.runs[0].tau);
    return Math.max(1, few, least);
  }

  function upright() { return innerWidth <= innerHeight * .8; }

  function oddStep(run, step) {          // the step of this round, so far, in which a draft misread
    if (step.missing.length || step.besides.length) return step;
    if (BEATS[step.beat] === "draft") return null;
    return run.steps.find((other) => other.round === step.round && (other.missing.length || other.besides.length));
  }

  function layout(lane, all, first) {    // one grid; of a text that is too long the near end; else several grids
    const room = body.clientWidth || innerWidth;
    const must = Math.max(0, Math.min(lane.start, ...(lane.odd ? lane.odd.missing : [])) - first);
    const most = (few) => Math.min(Math.max(0, lane.start - first - few), must);
    const whole = grid(lane, all, first), over = whole.offsetWidth - room;
    if (over <= 0) return;
    const left = all.map((place) => lane.columns.get(place).place.offsetLeft);
    whole.parentNode.remove();
    let fold = left.findIndex((edge) => edge - left[0] >= over - 1);     // at least: what stands for them is not narrow
    for (fold = fold < 1 ? all.length : fold; fold <= most(2); fold += 1) {
      const made = grid(lane, all.slice(fold), first + fold);
      if (made.offsetWidth <= room) return;
      made.parentNode.remove();
    }
    lane.root.classList.add("folds");
    for (let rest = all.slice(most(1)); rest.length;) {
      const made = grid(lane, rest, first + most(1));
      const fits = rest.filter((place) => rightOf(lane.columns.get(place).place) <= room).length || 1;
      if (fits < rest.length) {
        made.parentNode.remove();
        grid(lane, rest.slice(0, fits), first + most(1));
      }
      rest = rest.slice(fits);
    }
  }

  function rightOf(node) { return node.offsetLeft + node.offsetWidth; }

  function grid(lane, places, folded) {
    const {run, round, start, step} = lane;
    for (const [place, column] of lane.columns) if (!column.grid.isConnected) lane.columns.delete(place);
    const rows = make("div", "rows", null, lane.root), made = make("div", "grid", null, rows);
    const put = (name, text, gridRow) => {
      const node = make("div", name, text, made);
      node.style.gridRow = gridRow;
      return node;
    };
    const narrow = upright();
    [["name", narrow ? "" : "position"], ["name", narrow ? "text" : "text, drafts"],
      ["name t", narrow ? "target" : "target says"], ["name", ""], ["name t", narrow ? "target’s" : "target’s cache"],
      ["name d", narrow ? "draft’s" : "draft’s cache"]].slice(lane.name ? 1 : 0).forEach(([name, text], index) => put(name, text, index + (lane.name ? 2 : 1)));
    if (lane.name && places[0] === folded) make("h2", "", lane.name, made);
    if (places[0] === folded && folded > 0) {
      put("place", "", 1);
      lane.fold = put("tok fold", `${folded} tokens\nbefore`, 2);
      const lost = lane.odd ? lane.odd.missing.filter((place) => place < folded).length : 0;
      if (lost) { cross(lane.fold); lane.fold.title = `${lost} not read`; }
      for (let gridRow = 3; gridRow <= 6; gridRow += 1) put("", "", gridRow);
    }
    for (const place of places) {
      const t = place - start, column = {place: put("place", place, 1), grid: made};
      const drafted = t >= 0 && t < round.proposed.length;
      const word = t < 0 ? round.tokens[place] : drafted ? round.proposed[t] : null;
      const kind = t >= 0 ? "none" : place < run.prompt.length ? "prompt" : "committed";
      column.text = put(`tok ${kind}`, word === null ? " " : label(run, word), 2);
      column.says = put("tok own none", t >= 0 && t < round.choices.length ? label(run, round.choices[t]) : " ", 3);
      column.sign = put("sign", "", 4);
      column.cells = step.strips.map((strip, model) => {
        const glyph = strip[place - step.first] || "_", name = DATA.vocabulary.cells[glyph][0];
        const cell = put(cellClass(model, name), glyph, 5 + model);
        cell.title = name;
        return cell;
      });
      lane.columns.set(place, column);
    }
    lane.grids = (lane.grids || []).filter((each) => each.isConnected).concat(made);
    return made;
  }

  function cellClass(model, name) { return `cell ${model ? "d" : "t"} ${name === "unread gap" ? "gap" : name}`; }

  function fit(lanes) {                  // smaller where the window is too low for it
    let scale = size();
    for (let tries = 0; tries < 16 && body.scrollHeight > body.clientHeight + 1; tries += 1) {
      scale *= .94;
      lanes.forEach((lane) => lane && lane.root.style.setProperty("--v", `calc(${scale} * var(--u))`));
    }
    for (const lane of lanes) if (lane) { carets(lane); arcs(lane, lane.step.drafts); }
  }

  function sign(lane, drafts, choices) { // the state of every draft and of every token of the target
    const {round, start, odd} = lane;
    round.proposed.forEach((word, t) => {
      const column = lane.columns.get(start + t);
      if (!column) return;
      const state = stateOf(drafts[t] || " ");
      column.text.className = `tok ${state}`;
      const verdict = ["accepted", "rejected", "discarded"].includes(state);
      column.sign.className = `sign ${verdict ? state : ""}`;
      column.sign.textContent = verdict ? drafts[t] : "";
    });
    round.choices.forEach((word, t) => {
      const column = lane.columns.get(start + t);
      if (!column) return;
      const state = stateOf(choices[t] || " ");
      const veiled = predict && state === "says" && "?" === (drafts[t] || "?");
      column.says.className = `tok own ${veiled ? "veiled" : state}`;
      if (state === "bonus" && !column.sign.textContent) {
        column.sign.className = "sign bonus";
        column.sign.textContent = choices[t];
      }
    });
    if (odd) for (const place of odd.missing) {
      const column = lane.columns.get(place);
      if (column && column.text.className !== "tok none") {
        column.text.classList.add("missing");
        if (!column.text.querySelector(".cross")) cross(column.text);
      }
    }
  }

  function cross(node) {
    const svg = draw("svg", {class: "cross", viewBox: "0 0 100 100", preserveAspectRatio: "none"}, node);
    draw("path", {d: "M4 4 L96 96 M96 4 L4 96"}, svg);
  }

  function draw(tag, attributes, parent) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (parent) parent.append(node);
    return node;
  }

  function carets(lane) {                // where each cache ends; before rolling back they stand where it was
    const before = BEATS[lane.step.beat] === "roll back" ? lane.run.steps[lane.run.steps.indexOf(lane.step) - 1] : lane.step;
    lane.carets = lane.step.lengths.map((length, model) => {
      const caret = make("div", "caret", "", lane.grids[0]);
      put(caret, lane, before.lengths[model], model);
      return () => put(caret, lane, length, model);
    });
  }

  function put(caret, lane, length, model) {
    const places = [...lane.columns.keys()], inside = Math.min(Math.max(length, places[0]), places.at(-1) + 1);
    const behind = inside > places.at(-1);
    const column = lane.columns.get(behind ? inside - 1 : inside), cell = column.cells[model];
    column.grid.append(caret);
    const gap = parseFloat(getComputedStyle(column.grid).columnGap);
    caret.style.left = `${cell.offsetLeft + (behind ? cell.offsetWidth + gap * .1 : -gap * .9)}px`;
    caret.style.top = `${cell.offsetTop - cell.offsetHeight * .25}px`;
    caret.style.height = `${cell.offsetHeight * 1.5}px`;
  }

  function arcs(lane, drafts, upTo) {    // what the newest guess on show reads
    lane.root.querySelectorAll(".arcs").forEach((old) => old.remove());
    const {step, start, odd} = lane;
    const drafting = BEATS[step.beat] === "draft";
    if (!drafting && !odd) return;
    const about = upTo || (odd || step).t || drafts.trimEnd().length;
    const to = lane.columns.get(start + about - 1);
    if (!to) return;
    const missing = new Set(odd && about === odd.t ? odd.missing : []);
    const svg = draw("svg", {class: "arcs", "aria-hidden": "true"}, to.grid);
    const middle = (column) => column.text.offsetLeft + column.text.offsetWidth / 2;
    const end = middle(to), y = to.place.offsetTop, unit = to.text.offsetHeight / 6.4;        // over the numbers
    const room = 1.25 * parseFloat(getComputedStyle(to.grid.parentNode).paddingTop);
    const sources = [...lane.columns].filter(([place, column]) => place < start + about - 1 && column.grid === to.grid);
    if (lane.fold && lane.fold.parentNode === to.grid) sources.push([-1, {text: lane.fold}]);
    for (const [place, column] of sources) {
      if (missing.has(place)) continue;
      const from = middle(column);
      const high = Math.min(room, 2.5 * unit + (end - from) * .16);
      draw("path", {d: `M${end} ${y} C${end} ${y - high},${from} ${y - high},${from} ${y}`,
        class: place >= start ? "guess" : ""}, svg);
    }
  }

  function play(lane, moving) {          // what moves on entering the beat; without motion, its end
    const {step} = lane, beat = BEATS[step.beat], {drafts, choices} = step;
    const settle = () => lane.carets.forEach((move) => move());
    if (!moving || details) return settle();
    const number = drafts.length;
    if (beat === "draft" && step.level === "short") {
      settle();
      for (let t = 1; t <= number; t += 1) {
        const part = () => { sign(lane, drafts.slice(0, t) + " ".repeat(number - t), choices); arcs(lane, drafts, t); };
        if (t === 1) part(); else later(PACE_MS * 1.5 * (t - 1), part);
      }
      later(PACE_MS * 1.5 * number, () => arcs(lane, drafts));
    } else if (beat === "verify") {
      settle();
      for (const column of lane.columns.values())
        if (column.says.classList.contains("says")) column.says.classList.add("flash");
    } else if (beat === "judge" && !step.t) {
      settle();
      const stop = lane.round.judged, pending = "?".repeat(number);
      for (let t = 0; t < stop; t += 1) {
        const part = () => sign(lane, drafts.slice(0, t) + pending.slice(t), SAYS.repeat(choices.length));
        if (t === 0) part(); else later(PACE_MS * t, part);
      }
      later(PACE_MS * stop, () => sign(lane, drafts.slice(0, stop) + pending.slice(stop),
        choices.slice(0, stop) + SAYS.repeat(Math.max(0, choices.length - stop))));
      later(PACE_MS * (stop + 1), () => sign(lane, drafts, choices));
    } else requestAnimationFrame(() => requestAnimationFrame(settle));
  }

  function words(lane) {                 // the same for who cannot see it
    const {round, run, step} = lane, parts = [];
    [...step.drafts].forEach((glyph, t) => {
      if (glyph !== " ") parts.push(`${label(run, round.proposed[t])}: ${DATA.vocabulary.tokens[glyph][1]}`);
    });
    const own = [...step.choices].map((glyph, t) => glyph === " " || predict && glyph === SAYS ? ""
      : label(run, round.choices[t])).filter(Boolean);
    return `Drafts: ${parts.join(", ") || "none"}.` + (own.length ? ` The target says: ${own.join(" ")}.` : "")
      + ` Cache lengths: target ${step.lengths[0]}, draft ${step.lengths[1]}.`;
  }

  // ------------------------------------------------------------------------------------------------ under the ruler

  function drawStory(run, step, beat) {
    story.hidden = show.runs.length > 1;
    if (story.hidden) return;
    const round = roundOf(run, step), grown = ["commit", "roll back"].includes(beat);
    fill(story, run, round, true);
    trim(story);
    if (!grown) story.querySelectorAll("u, em").forEach((piece) => { piece.style.visibility = "hidden"; });
  }

  function fill(node, run, round) {      // the text, and what this round adds: it has its place from the beginning
    clear(node);
    make("s", "", prose(run, run.prompt), node);
    make("span", "", prose(run, round.tokens.slice(run.prompt.length)), node);
    const kept = round.committed.slice(0, round.accepted), own = round.committed.slice(round.accepted);
    make("u", "", prose(run, kept), node);
    make("em", "", prose(run, own), node);
  }

  function trim(node) {                  // the last lines of a long text
    for (const part of [node.firstChild, node.childNodes[1]]) {
      if (!part || node.scrollHeight <= node.clientHeight + 2) return;
      const text = part.textContent;
      let low = 0, high = text.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        part.textContent = "…" + text.slice(middle);
        if (node.scrollHeight > node.clientHeight + 2) low = middle + 1; else high = middle;
      }
      const space = text.indexOf(" ", low);
      part.textContent = "…" + text.slice(space < 0 ? low : space);
    }
  }

  function drawFormula(run, step, guesses) {
    const round = roundOf(run, step), formula = make("p", "formula", null, clear(panel));
    const add = (name, text) => make("i", name, text, formula);
    formula.append("argmax Pr_q( · | ");
    add("x", `the prompt: ${run.prompt.length}`);
    if (round.tokens.length > run.prompt.length) add("y", `written: ${round.tokens.length - run.prompt.length}`);
    for (const word of round.proposed.slice(0, guesses - 1)) add("g", label(run, word));
    formula.append(") = ");
    if (guesses) add("g", label(run, round.proposed[guesses - 1]));
  }

  function drawDetails(run, step) {
    const round = roundOf(run, step), t = step.t || round.accepted + 1;
    if (!round.likely || !round.likely[t - 1]) return void make("p", "", "This trace was saved without logits.", panel);
    story.hidden = true;
    const models = make("div", "models", null, panel);
    round.likely[t - 1].forEach((given, model) => {
      const known = given && (model === 0 || step.choices.trim() && !(predict && step.choices[t - 1] === SAYS));
      const box = make("div", model ? "model t" : "model", null, models);
      make("h3", "", `${model ? "target" : "draft"}, place ${round.tokens.length + t - 1}`, box);
      if (!known) return void make("p", "", given ? "not asked yet" : "no draft for this place", box);
      const [rows, gap] = given, list = make("dl", "", null, box);
      const taken = model ? round.choices[t - 1] : round.proposed[t - 1];
      for (const [word, share, text] of rows) {
        const chosen = word === taken ? "chosen" : "";
        make("dt", chosen, label(run, word), list);
        const bar = make("div", "share", null, make("dd", "", null, list));
        make("b", "", null, bar).style.width = `${100 * share}%`;
        make("dd", chosen, text + (chosen ? " ◂" : ""), list);
      }
      make("p", "", gap === null ? "the nucleus leaves one token" : `highest logit ${gap.toFixed(1)} above the second`, box);
    });
  }

  function drawMask(run, step) {
    const old = document.getElementById("mask");
    if (old) old.remove();
    if (!mask) return;
    const round = roundOf(run, step), box = make("aside", "", null, body), n = round.choices.length;
    box.id = "mask";
    make("b", "", "What each row of the pass may read", box);
    const table = make("table", "", null, box);
    for (let j = 0; j < n; j += 1) {
      const line = make("tr", "", null, table);
      make("th", "", label(run, j ? round.proposed[j - 1] ?? round.choices[j - 1] : round.tokens.at(-1)), line);
      make("td", "can", `${round.tokens.length - 1} cached`, line);
      for (let k = 0; k < n; k += 1) make("td", k <= j ? "can" : "not", k <= j ? "■" : "", line);
      make("td", "", `→ ${step.choices.trim() ? label(run, round.choices[j]) : "?"}`, line);
      make("th", "", j < round.proposed.length ? `judges ${label(run, round.proposed[j])}` : "comes on top", line);
    }
  }

  // ------------------------------------------------------------------------------------------------ map

  function drawMaps() {
    const round = roundAt(at);
    clear(maps);
    const tallest = Math.max(1, ...show.runs.flatMap((run) => run.rounds.map((each) => each.proposed.length + 1)));
    maps.style.setProperty("--sq", Math.min(1.2, (show.runs.length > 1 ? 3 : 6) / tallest).toFixed(2));
    for (const run of show.runs) {
      const map = make("div", "map", null, maps);
      run.rounds.forEach((each, index) => {
        const column = make("div", "col", null, map);
        if (index + 1 === round) column.classList.add("here");
        if (predict && round && index + 1 >= round) column.classList.add("later");
        each.proposed.forEach((word, t) => make("i", t < each.accepted ? "a" : t < each.judged ? "r" : "x", "", column));
        if (each.committed.length > each.accepted) make("i", "o", "", column);
        column.dataset.round = index + 1;
      });
    }
    const run = show.runs[0];
    const wasted = run.rounds.reduce((sum, each) => sum + each.proposed.length - each.accepted, 0);
    bill.textContent = show.runs.length > 1 || predict ? ""
      : `${plural(run.rounds.length, "target pass")}, ${plural(wasted, "draft")} for nothing`;
    maps.setAttribute("aria-valuemin", 1);
    maps.setAttribute("aria-valuemax", last());
    maps.setAttribute("aria-valuenow", Math.min(Math.max(round, 1), last()));
    maps.setAttribute("aria-valuetext", round && round <= last() ? `round ${round} of ${last()}` : show.play[at].kind);
  }

  function scrub(event) {
    const column = document.elementsFromPoint(event.clientX, maps.getBoundingClientRect().top + 2)
      .concat(document.elementsFromPoint(event.clientX, event.clientY)).find((each) => each.closest(".col"));
    if (column) goRound(Number(column.closest(".col").dataset.round));
  }
  maps.addEventListener("pointerdown", (event) => { scrub(event); });
  maps.addEventListener("pointermove", (event) => { if (event.buttons) scrub(event); });

  // ------------------------------------------------------------------------------------------------ the race

  function drawRace(share, moving) {
    const run = show.runs[0], plain = run.plain, main = bodyOnly(moving ? "The same models, the same prompt: which is done first?"
      : share ? run.steps.at(-1).say : "Two ways to write the same text");
    const times = run.rounds.map((round) => round.seconds[0] + round.seconds[1]);
    const stretch = run.seconds / times.reduce((sum, each) => sum + each, 0);
    const whole = Math.max(plain.total, run.seconds), steady = plain.total / plain.seconds.reduce((sum, each) => sum + each, 0);
    const passes = plain.seconds.map((seconds, place) => [[["p", seconds * steady]], [plain.tokens[run.prompt.length + place]]]);
    const rounds = run.rounds.map((round) => [[["q", round.seconds[0] * stretch], ["p", round.seconds[1] * stretch]],
      round.committed]);
    const lanes = [["plain: one token per pass of the target", passes],
      [`speculative: the draft guesses ${run.tau}, one pass checks them`, rounds]].map(([name, events]) => {
      const box = make("section", "runner", null, main), top = make("h2", "", null, box), left = make("span", "", name, top);
      const count = make("span", "", null, top), number = make("b", "", "0", count);
      make("small", "", " target passes", count);
      const text = make("p", "", null, box), track = make("div", "track", null, box), marks = [];
      make("s", "", prose(run, run.prompt), text);
      let clock = 0;
      for (const [parts, tokens] of events) {
        const nodes = parts.map(([kind, seconds]) => {
          const bar = make("i", kind, "", track);
          bar.style.width = `${100 * seconds / whole}%`;
          clock += seconds;
          return bar;
        });
        marks.push([clock / whole, nodes.concat(tokens.map((word) => make("span", "", raw(run, word), text)))]);
      }
      return {marks, number, left, name, now: 0};
    });
    for (let size = 3.4; size > 1.2; size -= .1) {
      main.querySelectorAll(".runner p").forEach((text) => { text.style.fontSize = `calc(${size} * var(--u))`; });
      if (main.scrollHeight <= main.clientHeight) break;
    }
    const slower = Math.max(1, Math.round(RACE_MS / 1000 / whole));
    meter.textContent = `recorded time, ${slower} × slower`;
    const upTo = (moment) => lanes.forEach((lane) => {
      while (lane.now < lane.marks.length && lane.marks[lane.now][0] <= moment + 1e-9) {
        lane.marks[lane.now][1].forEach((node) => node.classList.add("on"));
        lane.now += 1;
      }
      lane.number.textContent = lane.now;
      lane.left.textContent = lane.name + (lane.now === lane.marks.length ? " · done" : "");
    });
    if (!moving) return upTo(share);
    const began = performance.now();
    const tick = (now) => {
      const moment = Math.min(1, Math.max(0, now - began) / RACE_MS);
      upTo(moment);
      if (moment < 1) racing = requestAnimationFrame(tick);
      else { racing = 0; say(run.steps.at(-1).say); }
    };
    racing = requestAnimationFrame(tick);
  }

  // ------------------------------------------------------------------------------------------------ a bug's story

  function drawDiff(parent, brief) {
    const box = make("div", brief ? "change brief" : "change", null, parent);
    const changed = show.story.changes.filter(([sign]) => !brief || sign !== " ").slice(0, brief ? 3 : 40);
    const longest = Math.max(...changed.map(([, text]) => text.length));
    box.style.setProperty("--fs", Math.min(3.6, 145 / (longest + 4) / .62, 50 / changed.length / 1.5).toFixed(2));
    for (const [sign, text] of changed)
      make("span", {"-": "minus", "+": "plus", " ": "file"}[sign], `${sign === "-" ? "−" : sign} ${text}`, box);
  }

  function drawQuestion() {
    const run = show.runs[0], main = bodyOnly("A question to the class");
    make("p", "large", show.story.question, main);
    make("p", "prompt-line", prose(run, run.prompt), main);
  }

  function drawChange() {
    bodyOnly(show.story.question || "What was changed");
    drawDiff(body, false);
  }

  function drawBars() {
    const main = bodyOnly(show.story.end), bars = make("div", "bars", null, main);
    show.runs.forEach((run, index) => {
      make("span", index ? "broken" : "", show.names[index], bars);
      const blocks = make("span", index ? "blocks bad" : "blocks", null, bars);
      for (let pass = 0; pass < show.story.passes[index]; pass += 1) make("i", "", "", blocks);
      make("b", index ? "broken" : "", plural(show.story.passes[index], "target pass"), bars);
    });
    if (show.story.why) make("p", "why", show.story.why, main);
    if (show.story.numbers.length) {
      const table = make("div", "facts both", null, main);
      for (const [name, left, right] of show.story.numbers) {
        make("span", "", name, table);
        make("b", "", left, table);
        make("b", "broken", right, table);
      }
    }
    const place = show.story.differs;
    if (place === null) return;
    const texts = make("div", "texts", null, main);
    show.runs.forEach((run, index) => {
      const from = Math.max(0, place - 8), piece = (a, b) => prose(run, run.tokens.slice(a, b));
      const text = make("p", index ? "broken" : "", `${from ? "…" : ""}${piece(from, place)}`, texts);
      make("mark", "", piece(place, place + 1) || "(end)", text);
      text.append(piece(place + 1, place + 8));
    });
  }

  // ------------------------------------------------------------------------------------------------ other runs

  function drawAsk() {
    clear(ask);
    ask.hidden = !(DATA.live || DATA.shows.length > 1);
    if (ask.hidden) return;
    const fields = DATA.live ? DATA.live.fields : recorded();
    for (const {name, options, length} of fields) {
      const holder = make("label", length ? "wide" : "", name, ask);
      const input = make(options ? "select" : "input", "", null, holder);
      input.name = name;
      if (length) input.maxLength = length;
      for (const option of options || []) make("option", "", option || "none", input).value = option;
      input.value = show.asked[name] ?? "";
      if (!DATA.live) input.addEventListener("change", () => choose(name));
    }
    if (DATA.live) make("button", "", "decode", ask).type = "submit";
    make("p", "", "", ask).setAttribute("role", "alert");
  }

  function recorded() {                  // the fields in which the recorded runs differ, and their values
    const names = Object.keys(DATA.shows[0].asked);
    return names.map((name) => ({name, options: [...new Set(DATA.shows.map((each) => each.asked[name]))]}))
      .filter((field) => field.options.length > 1);
  }

  function wanted() { return Object.fromEntries(new FormData(ask)); }

  function choose(changed) {             // the recorded run that has what was changed and most of the rest
    const asked = wanted();
    const fits = (each) => Object.entries(asked).filter(([name, value]) => String(each.asked[name]) === value).length;
    const having = DATA.shows.filter((each) => String(each.asked[changed]) === asked[changed]);
    open(having.reduce((best, each) => fits(each) > fits(best) ? each : best));
    ask.elements[changed].focus();
  }

  ask.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = ask.querySelector("button"), problem = ask.querySelector("p");
    button.disabled = true;
    problem.textContent = "";
    try {
      const answer = await fetch(DATA.live.address, {method: "POST", body: JSON.stringify(wanted()),
        headers: {"Content-Type": "application/json"}});
      const given = await answer.json();
      if (given.error) problem.textContent = given.error;
      else open(given);
    } catch { problem.textContent = "No answer: is `python -m minispec serve` still running?"; }
    button.disabled = false;
    if (document.activeElement === document.body) button.focus();
  });

  // ------------------------------------------------------------------------------------------------ keys, touch, paper

  const KEYS = {ArrowRight: next, PageDown: next, " ": next, Enter: next, ArrowLeft: back, PageUp: back, Backspace: back,
    ArrowDown: () => goRound(roundAt(at) + 1), ArrowUp: () => goRound(roundAt(at) - 1), n: () => goRejection(1),
    p: () => goRejection(-1), Home: () => go(0), End: () => go(show.play.length - 1), f: full, d: dark,
    i: () => toggle("details"), q: () => toggle("predict"), m: () => { mask = !mask; go(at); },
    r: () => { const race = show.play.findIndex((scene) => scene.kind === "raced"); if (race >= 0) go(race, true); },
    "?": () => drawHelp(help.hidden), Escape: () => { drawHelp(false); mask = false; go(at); }};

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    if ([" ", "Enter"].includes(event.key) && event.target.closest("button")) return;
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  let touched = null;
  stage.addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch" ? event : null; });
  stage.addEventListener("pointerup", (event) => {
    if (!touched || event.target.closest("button, input, select, #maps, #help")) return;
    const far = event.clientX - touched.clientX;
    if (Math.abs(far) > 40) return far < 0 ? next() : back();
    if (Math.abs(event.clientY - touched.clientY) < 20) return event.clientX < innerWidth / 3 ? back() : next();
  });

  function print() {                     // one round on a page, as it is after the verdicts
    if (paper.childElementCount) return;
    for (let round = 1; round <= last(); round += 1) {
      const sheet = make("section", "sheet", null, paper);
      make("h1", "", `Round ${round} of ${last()}`, sheet);
      show.runs.forEach((run, index) => {
        const step = run.steps.find((each) => each.round === round && BEATS[each.beat] === "judge" && !each.t);
        if (!step) return;
        make("p", "", step.say, sheet);
        const lane = drawLane(sheet, run, step, index, false);
        carets(lane);
        lane.carets.forEach((move) => move());
        fill(make("p", "", null, sheet), run, lane.round);
      });
    }
  }
  addEventListener("beforeprint", print);
  matchMedia("print").addEventListener("change", (query) => { if (query.matches) print(); else clear(paper); });
  addEventListener("afterprint", () => clear(paper));
  let resized = null;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => { if (!racing) go(at); }, 80); });
  addEventListener("hashchange", () => { const place = fromAddress(); if (place >= 0 && place !== at) go(place); });

  function drawHelp(open) {
    clear(help).hidden = !open;
    if (!open) return;
    const left = make("section", "", null, help), right = make("section", "", null, help);
    make("h2", "", "Keys", left);
    const list = make("dl", "", null, left);
    const keys = [["→ PageDown Space", "on"], ["← PageUp", "back"], ["↓ ↑", "next, previous round"],
      ["n p", "next, previous rejection"], ["Home End", "beginning, end"], ["r", "the race again"], ["i", "details: each draft a step, both models’ shares"],
      ["q", "predict: verdicts stay hidden until you go on"], ["m", "what each row of the pass may read"], ["d", "dark or light"],
      ["f", "full screen"], ["#12", "in the address: round 12"], ["print", "one round on a page"]];
    for (const [key, meaning] of keys) { make("dt", "", key, list); make("dd", "", meaning, list); }
    make("h2", "", "Signs", right);
    const signs = make("dl", "", null, right);
    const explain = (name, text, meaning) => {     // drawn as they are on the page
      make("div", name, text, make("dt", "", null, signs));
      make("dd", "", meaning, signs);
    };
    for (const [glyph, [name, meaning]] of Object.entries(DATA.vocabulary.tokens)) {
      const own = name === "correction" || name === "bonus";
      explain(`tok ${own ? "own " : ""}${name}`, ["?", "↳"].includes(glyph) ? "a" : `a ${glyph}`, meaning);
    }
    for (const [glyph, [name, meaning]] of Object.entries(DATA.vocabulary.cells))
      explain(cellClass(0, name), glyph, meaning);
    explain("caret", "", "where a cache ends");
    make("h2", "", "Strip at the bottom", left);
    make("p", "", "One column per round, its first draft lowest, the target’s token on top; a click goes there.", left);
    const map = make("p", "map", null, left);
    for (const [name, meaning] of [["a", "accepted"], ["r", "rejected"], ["x", "discarded"], ["o", "the target’s"]]) {
      make("i", name, "", map);
      make("span", "", meaning, map);
    }
  }

  function open(given) {
    show = prepared(given);
    drawAsk();
    const place = fromAddress();
    at = 0;
    go(place >= 0 ? place : find(-1, 1));
  }

  document.documentElement.classList.add("ready");
  const system = matchMedia("(prefers-color-scheme: dark)");     // a frame is told of it late, so listen too
  const follow = () => { document.documentElement.dataset.theme = system.matches ? "dark" : "light"; };
  follow();
  system.addEventListener("change", follow);
  open(DATA.shows[0]);
  if (document.fonts) document.fonts.ready.then(() => { if (!racing) go(at); });
})();
