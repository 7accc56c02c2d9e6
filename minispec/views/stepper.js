// Shows the frames of every stepper on the page one at a time.  Whatever it does not find, it leaves alone.
(function () {
  "use strict";

  function button(bar, text, name, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", name);
    made.title = name;
    made.addEventListener("click", act);
    bar.append(made);
    return made;
  }

  function start(root) {
    root.dataset.ready = "1";
    const frames = Array.from(root.querySelectorAll(".f"));
    const rounds = frames.map((frame) => Number(frame.dataset.r));
    const last = frames.length - 1;
    let now = 0, timer = null;

    const bar = document.createElement("div");
    bar.className = "bar";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Stepper controls");
    const says = document.createElement("p");
    says.className = "now-says";
    says.setAttribute("role", "status");
    says.setAttribute("aria-live", "polite");

    const first = button(bar, "« first", "first frame", () => go(0));
    const roundBack = button(bar, "‹‹ round", "previous round", () => go(roundBefore()));
    const back = button(bar, "‹ back", "one frame back", () => go(now - 1));
    const play = button(bar, "play", "play", toggle);
    const next = button(bar, "next ›", "next frame", () => go(now + 1));
    const roundNext = button(bar, "round ››", "next round", () => go(roundAfter()));
    const end = button(bar, "last »", "last frame", () => go(last));
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 1;
    slider.max = frames.length;
    slider.value = 1;
    slider.setAttribute("aria-label", "frame");
    slider.addEventListener("input", () => go(Number(slider.value) - 1));
    const number = document.createElement("output");
    bar.append(slider, number);
    frames[0].before(bar, says);
    // JupyterLab asks the element that has the focus first: there `b` would insert a cell, and `d d` delete this one
    for (const each of root.querySelectorAll("button, input, .wide")) each.dataset.lmSuppressShortcuts = "true";

    function roundAfter() {
      const found = rounds.findIndex((round) => round > rounds[now]);
      return found < 0 ? last : found;
    }

    function roundBefore() {                     // to the beginning of this round; from there to the one before
      const begins = rounds.indexOf(rounds[now]);
      return now > begins || now === 0 ? begins : rounds.indexOf(rounds[now - 1]);
    }

    function draw() {
      frames.forEach((frame, index) => frame.classList.toggle("now", index === now));
      frames[now].querySelectorAll(".rulers").forEach(uncover);
      const sentences = frames[now].querySelectorAll("h4, .say, .error");
      says.textContent = Array.from(sentences, (each) => each.textContent).join(" ");
      number.textContent = (now + 1) + " / " + frames.length;
      slider.value = now + 1;
      slider.setAttribute("aria-valuetext", "frame " + (now + 1) + " of " + frames.length);
      for (const each of [first, roundBack, back]) each.setAttribute("aria-disabled", now === 0);
      for (const each of [next, roundNext, end]) each.setAttribute("aria-disabled", now === last);
    }

    function uncover(wide) {                     // a ruler that is too wide: its end, or what the frame is about
      const named = wide.querySelector("th"), about = wide.querySelector(".k");
      wide.scrollLeft = wide.scrollWidth;
      if (about) wide.scrollLeft = Math.min(wide.scrollLeft, about.offsetLeft - named.offsetWidth - 12);
    }

    function show(index) {
      now = Math.max(0, Math.min(last, index));
      draw();
    }

    function go(index) {                         // whoever steps by hand takes over from playing
      stop();
      show(index);
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      play.textContent = "play";
      play.setAttribute("aria-label", "play");
      play.title = "play";
      says.setAttribute("aria-live", "polite");
    }

    function toggle() {
      if (timer !== null) return stop();
      if (now === last) show(0);
      play.textContent = "pause";
      play.setAttribute("aria-label", "pause");
      play.title = "pause";
      says.setAttribute("aria-live", "off");     // a screen reader cannot keep up with playing
      timer = setInterval(() => {
        if (!root.isConnected || now === last) return stop();
        show(now + 1);
        if (now === last) stop();
      }, Number(root.dataset.pace) || 2500);
    }

    function key(event) {
      const here = root.contains(event.target);
      if (!here && !(root.hasAttribute("data-page") && event.target === document.body)) return;
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const press = event.target.closest && event.target.closest("button, summary, a");
      const acts = {
        ArrowRight: () => go(event.shiftKey ? roundAfter() : now + 1),
        ArrowLeft: () => go(event.shiftKey ? roundBefore() : now - 1),
        Home: () => go(0),
        End: () => go(last),
        " ": toggle,
      };
      if (!acts[event.key]) return;
      event.stopPropagation();                   // or a slide would turn
      if (event.key === " " && press) return;    // on a button, the space bar presses the button
      event.preventDefault();
      acts[event.key]();
    }

    root.tabIndex = -1;                          // a click on a frame brings the keys here
    (root.hasAttribute("data-page") ? document : root).addEventListener("keydown", key);
    root.classList.add("on");
    draw();
  }

  document.querySelectorAll(".minispec-stepper:not([data-ready])").forEach(start);
})();
