"use strict";
// The table shows only the rows that are in view, so thousands of pairs cost no more than a few,
// and a picture is put on the page, and decoded, when its row is.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { columns, rows } = data;
  const $ = (id) => document.getElementById(id);
  const MARKS = { failed: "✕", passed: "✓", error: "!", scored: "" };
  const EXTRA = 6;

  /** An element with properties and children; text is always text, never markup. */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name in element && !name.startsWith("aria")) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }
  const number = (value) => (typeof value === "string" ? (value === "inf" ? Infinity : -Infinity) : value);
  function shown(value) {
    value = number(value);
    if (value === null || value === undefined) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const text = Number(value.toPrecision(5));
    return String(text).replace("-", "−");
  }
  const picture = (index) => (index === null || index === undefined ? null : $("p" + index)?.textContent ?? null);
  /** Whether a gate is one of this metric, on its mean or on a pooling of its map. */
  const concerns = (rule, id) => rule.startsWith(id) && /^[.<>=\s]/.test(rule.slice(id.length));

  // ---- which rows, in which order ----
  let order = rows.map((_, index) => index);
  let current = 0;
  // `worst` is the order in which the rows come.
  let sorting = { key: "worst", up: false };

  function worseThan(value, bound, direction) {
    return direction === "higher" ? value < bound : value > bound;
  }
  function sortOrder() {
    const { key, up } = sorting;
    if (key === "worst") order.sort((a, b) => a - b);
    else if (key === "name") order.sort((a, b) => (rows[a].label < rows[b].label ? -1 : 1) * (up ? 1 : -1));
    else {
      const value = (row) => number(rows[row].values[key]);
      order.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === null || y === null) return (x === null) - (y === null) || a - b;
        return (x === y ? 0 : x < y ? -1 : 1) * (up ? 1 : -1) || a - b;
      });
    }
  }
  function update() {
    const before = order[current];
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const status = $("status").value;
    const column = Number($("metric").value);
    const bound = $("threshold").value === "" ? null : Number($("threshold").value);
    order = [];
    rows.forEach((row, index) => {
      const text = (row.label + "\n" + row.reference + "\n" + row.candidate).toLowerCase();
      if (!words.every((word) => text.includes(word))) return;
      if (status !== "all" && row.status !== status) return;
      if (bound !== null) {
        const value = number(row.values[column]);
        if (value === null || !worseThan(value, bound, columns[column][1])) return;
      }
      order.push(index);
    });
    sortOrder();
    current = Math.max(0, order.indexOf(before));
    const few = order.length === rows.length ? "" : order.length.toLocaleString() + " of ";
    $("count").textContent = few + rows.length.toLocaleString() + (rows.length === 1 ? " pair" : " pairs");
    $("empty").hidden = order.length > 0;
    $("empty").textContent = rows.length === 0 ? "No pairs were compared." : "No pair matches these filters.";
    $("table").setAttribute("aria-rowcount", order.length + 1);
    head();
    draw(true);
  }
  function sortBy(key, up) {
    sorting = { key, up };
    $("sort").value = key === "worst" ? "worst" : key + (up ? "+" : "-");
    update();
  }

  // ---- the table ----
  const head_cells = [];
  function buildHead() {
    const plain = (text) => make("th", { scope: "col", class: "plain" }, text);
    const sortable = (text, key, first, note) => {
      const arrow = make("span", { class: "arrow", "aria-hidden": "true" });
      const button = make("button", { type: "button", title: note, onclick: () => sortBy(key, sorting.key === key ? !sorting.up : first) }, ...(key === "name" ? [text, arrow] : [arrow, text]));
      const cell = make("th", { scope: "col", class: key === "name" ? "" : "number" }, button);
      head_cells.push({ cell, arrow, key });
      return cell;
    };
    const cells = [plain("Status"), plain("Reference, candidate, map"), sortable("Pair", "name", true, "Sort by name")];
    columns.forEach(([id, direction], index) => {
      cells.push(sortable(id + (direction === "higher" ? " ↑" : " ↓"), index, direction === "higher", "Sort by " + id + " (" + direction + " is better), worst first"));
    });
    $("head").append(...cells);
    $("head").setAttribute("aria-rowindex", 1);
  }
  function head() {
    for (const { cell, arrow, key } of head_cells) {
      const active = sorting.key === key;
      if (active) cell.setAttribute("aria-sort", sorting.up ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
      arrow.textContent = active ? (sorting.up ? "▴" : "▾") : "";
    }
  }
  function thumbnail(row, slot, name) {
    const address = picture(row.thumbnails?.[slot]);
    if (!address) return make("span", { class: "thumb" }, slot === 2 ? "no map" : "not kept");
    return make("span", { class: "thumb" }, make("img", { src: address, alt: name + " of " + row.label, decoding: "async" }));
  }
  function status(row) {
    return make("span", { class: "status " + row.status }, make("span", { "aria-hidden": "true" }, MARKS[row.status]), row.status);
  }
  function tableRow(position) {
    const row = rows[order[position]];
    const bad = (index) => row.gates?.some(([rule]) => concerns(rule, row.ids?.[index] ?? columns[index][0]));
    const values = columns.map(([id], index) => {
      const own = row.ids?.[index];
      return make("td", { class: "number" + (bad(index) ? " bad" : "") }, (bad(index) ? "✕ " : "") + shown(row.values[index]), own ? make("span", { class: "note" }, own) : null);
    });
    const chips = columns.map(([id], index) => make("span", { class: "value-chip" + (bad(index) ? " bad" : "") }, id + " ", make("b", {}, (bad(index) ? "✕ " : "") + shown(row.values[index]))));
    const second = row.errors ? make("span", { class: "path wrong" }, row.errors[0]) : make("span", { class: "path" }, row.candidate);
    const kept = row.thumbnails ? [0, 1, 2].map((slot) => thumbnail(row, slot, ["reference", "candidate", "map"][slot])) : [make("span", { class: "thumb" }, "no pictures")];
    return make("tr", { "aria-rowindex": position + 2, "data-at": position, class: position === current ? "current" : "", onclick: () => open(position) },
      make("td", { class: "status-cell" }, status(row)),
      make("td", { class: "thumbs-cell" }, make("div", { class: "thumbs" }, ...kept)),
      make("td", { class: "pair" }, make("button", { type: "button", class: "open", title: row.label, onclick: (event) => { event.stopPropagation(); open(position); }, onfocus: () => mark(position) }, row.label), second),
      ...values, make("td", { class: "values", "aria-hidden": "true" }, ...chips));
  }
  const spaces = ["first", "last"].map(() => make("tr", { class: "space", "aria-hidden": "true" }, make("td", { colSpan: 3 + columns.length })));
  let drawn = [0, 0];
  function rowHeight() {
    return parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
  }
  function draw(anew) {
    const height = rowHeight();
    const top = $("table").tBodies[0].getBoundingClientRect().top;
    let from = Math.floor(-top / height) - EXTRA;
    let to = Math.ceil((innerHeight - top) / height) + EXTRA;
    from = Math.min(Math.max(0, from), Math.max(0, order.length - 1));
    to = Math.max(from, Math.min(order.length, to));
    if (!anew && from === drawn[0] && to === drawn[1]) return;
    const focused = document.activeElement?.closest?.("tr[data-at]")?.dataset.at;
    const existing = new Map(anew ? [] : [...$("body").querySelectorAll("tr[data-at]")].map((element) => [Number(element.dataset.at), element]));
    drawn = [from, to];
    const list = [];
    for (let position = from; position < to; position++) list.push(existing.get(position) ?? tableRow(position));
    spaces[0].firstChild.style.height = from * height + "px";
    spaces[1].firstChild.style.height = (order.length - to) * height + "px";
    spaces[0].hidden = from === 0;
    spaces[1].hidden = to === order.length;
    $("body").replaceChildren(spaces[0], ...list, spaces[1]);
    if (focused !== undefined) $("body").querySelector(`tr[data-at="${focused}"] .open`)?.focus({ preventScroll: true });
  }
  function mark(position) {
    current = position;
    for (const element of $("body").querySelectorAll("tr[data-at]")) element.classList.toggle("current", Number(element.dataset.at) === position);
  }
  function step(by) {
    const position = Math.min(Math.max(0, current + by), order.length - 1);
    if (position < 0) return;
    if ($("detail").open) return show(position);
    const chosen = () => $("body").querySelector(`tr[data-at="${position}"] .open`);
    const height = rowHeight();
    const at = $("table").tBodies[0].getBoundingClientRect().top + position * height;
    if (at < 0 || at + height > innerHeight) scrollBy(0, at - innerHeight / 2 + height / 2);
    mark(position);
    draw(false);
    chosen()?.focus({ preventScroll: true });
  }

  // ---- one pair ----
  const VIEWS = [["flicker", "Flicker", "f"], ["slider", "Slider", "s"], ["side", "Side by side", "b"], ["map", "Map", "m"]];
  const view = { name: "flicker", map: null, opacity: 100, interval: 0.6, at: 50, actual: false, second: false, running: !matchMedia("(prefers-reduced-motion: reduce)").matches };
  let timer = null;
  // The row that is focused when the view closes is marked by that, so the pair is kept apart.
  let viewed = 0;

  function pictures(row) {
    if (row.previews) {
      const { reference, candidate, size, maps } = row.previews;
      return { reference: picture(reference), candidate: picture(candidate), size, maps: maps.map(([id, index]) => [id, picture(index)]) };
    }
    if (!row.thumbnails) return null;
    const [reference, candidate, map] = row.thumbnails;
    const first = columns.map(([id], index) => row.ids?.[index] ?? id).find((id) => id in data.scales);
    return { reference: picture(reference), candidate: picture(candidate), size: row.size, maps: map === null ? [] : [[first, picture(map)]] };
  }
  function open(position) {
    if (!$("detail").open) $("detail").showModal();
    show(position);
    $("stage").focus();
  }
  function show(position) {
    current = viewed = position;
    const row = rows[order[position]];
    view.second = false;
    $("name").replaceChildren(row.label);
    const size = row.size ? row.size[0] + " × " + row.size[1] + " pixels" : "not compared";
    $("where").replaceChildren(status(row), " · " + size);
    $("position").textContent = (position + 1).toLocaleString() + " / " + order.length.toLocaleString();
    $("previous").disabled = position === 0;
    $("next").disabled = position === order.length - 1;
    facts(row);
    stage();
  }
  function facts(row) {
    const list = (title, lines, kind) => (lines?.length ? [make("h3", {}, title), make("ul", {}, ...lines.map((line) => make("li", { class: kind }, line)))] : []);
    const file = (name, path, link) => make("li", {}, name + ": ", make("a", { href: link, class: "path", target: "_blank", rel: "noreferrer" }, path));
    const scores = columns.map(([id, direction], index) => {
      const name = row.ids?.[index] ?? id;
      const bad = row.gates?.some(([rule]) => concerns(rule, name));
      const value = number(row.values[index]);
      return make("tr", {}, make("th", { scope: "row" }, name + (direction === "higher" ? " ↑" : " ↓")), make("td", { class: bad ? "failed" : "", title: value === null ? "" : String(value) }, shown(value)));
    });
    $("facts").replaceChildren(
      row.previews || !row.thumbnails ? "" : make("p", { class: "note-box" }, "Only thumbnails of this pair are kept here; open the files to see more."),
      make("table", {}, make("caption", { class: "hidden" }, "Scores"), make("tbody", {}, ...scores)),
      ...list("Failed gates", row.gates?.map(([rule, , found]) => "✕ " + rule + ", found " + found), "failed"),
      ...list("Errors", row.errors, "error"),
      ...list("Done before comparing", row.steps, ""),
      make("h3", {}, "Files"), make("ul", {}, file("reference", row.reference, row.links[0]), file("candidate", row.candidate, row.links[1])));
  }
  function frame(size, kind, ...images) {
    const element = make("div", { class: "frame " + kind }, ...images);
    element.dataset.width = size[0];
    element.dataset.height = size[1];
    return element;
  }
  function fitFrames() {
    const frames = [...$("stage").querySelectorAll(".frame")];
    const style = getComputedStyle($("stage"));
    const padding = 2 * parseFloat(style.paddingLeft);
    const stacked = style.flexDirection === "column";
    const gaps = (frames.length - 1) * parseFloat(style.gap || 0);
    const share = (length, divided) => (divided ? (length - padding - gaps) / frames.length : length - padding);
    for (const element of frames) {
      const [width, height] = [Number(element.dataset.width), Number(element.dataset.height)];
      const fitting = Math.min(share($("stage").clientWidth, !stacked) / width, share($("stage").clientHeight, stacked) / height);
      // One to one with the pixels of the screen as the page counts them.
      const scale = view.actual ? 1 : Math.min(fitting, 16);
      element.style.width = Math.max(1, width * scale) + "px";
      element.style.height = Math.max(1, height * scale) + "px";
      element.classList.toggle("sharp", scale >= 2);
    }
  }
  function slide(percent) {
    view.at = Math.min(100, Math.max(0, percent));
    $("stage").querySelector(".swipe")?.style.setProperty("--at", view.at + "%");
    const range = $("at");
    if (range) range.value = view.at;
  }
  function flip(second) {
    view.second = second;
    const [reference, candidate] = $("stage").querySelectorAll("img");
    if (view.name !== "flicker" || !candidate) return;
    reference.classList.toggle("off", second);
    candidate.classList.toggle("off", !second);
    $("stage").querySelector(".tag").textContent = second ? "Candidate" : "Reference";
  }
  function run(running) {
    view.running = running;
    clearInterval(timer);
    timer = null;
    const active = $("detail").open && view.name === "flicker" && $("stage").querySelectorAll("img").length === 2;
    if (running && active) timer = setInterval(() => flip(!view.second), view.interval * 1000);
    if ($("run")) $("run").textContent = running ? "Stop" : "Go on";
  }
  function stage() {
    const row = rows[order[current]];
    const shownPictures = pictures(row);
    $("views").replaceChildren(...VIEWS.map(([name, title, key]) => make("button", { type: "button", "aria-pressed": String(view.name === name), disabled: !shownPictures || (name === "map" && shownPictures.maps.length === 0), onclick: () => choose(name) }, title + " ", make("kbd", { "aria-hidden": "true" }, key))),
      make("button", { type: "button", "aria-pressed": String(view.actual), onclick: zoom }, "1 : 1 ", make("kbd", { "aria-hidden": "true" }, "z")));
    $("stage").className = "";
    $("controls").replaceChildren();
    clearInterval(timer);
    if (!shownPictures) {
      $("stage").replaceChildren(make("p", { class: "empty" }, row.errors ? row.errors.join("\n") : "No pictures of this pair are kept here; open the files to see them."));
      return;
    }
    const { reference, candidate, size, maps } = shownPictures;
    const image = (address, name, off) => make("img", { src: address, alt: name + " of " + row.label, draggable: false, class: off ? "off" : "" });
    const tag = (text, side = "") => make("span", { class: "tag " + side }, text);
    const name = view.name === "map" && maps.length === 0 ? "flicker" : view.name;
    if (name === "flicker") {
      $("stage").replaceChildren(frame(size, "flick", image(reference, "reference"), image(candidate, "candidate", true), tag("Reference")));
      $("controls").replaceChildren(
        make("button", { type: "button", id: "run", onclick: () => run(!view.running) }),
        make("button", { type: "button", onclick: () => { run(false); flip(!view.second); } }, "Change ", make("kbd", { "aria-hidden": "true" }, "Space")),
        make("label", { class: "wide" }, "Seconds per picture", make("input", { type: "range", id: "interval", min: 0.2, max: 2, step: 0.1, value: view.interval, oninput: (event) => { view.interval = Number(event.target.value); $("pace").textContent = view.interval.toFixed(1) + " s"; run(view.running); } }), make("output", { id: "pace" }, view.interval.toFixed(1) + " s")));
    } else if (name === "slider") {
      const swipe = frame(size, "swipe", image(reference, "reference"), image(candidate, "candidate"), tag("Reference"), tag("Candidate", "right"));
      const follow = (event) => {
        const box = swipe.getBoundingClientRect();
        slide(((event.clientX - box.left) / box.width) * 100);
      };
      swipe.addEventListener("pointerdown", (event) => { swipe.setPointerCapture(event.pointerId); follow(event); });
      swipe.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
      $("stage").replaceChildren(swipe);
      $("controls").replaceChildren(make("label", { class: "wide" }, "Reference", make("input", { type: "range", id: "at", min: 0, max: 100, step: 0.5, value: view.at, "aria-label": "Boundary between reference and candidate", oninput: (event) => slide(Number(event.target.value)) }), "Candidate"));
      slide(view.at);
    } else if (name === "side") {
      $("stage").className = "side";
      $("stage").replaceChildren(frame(size, "", image(reference, "reference"), tag("Reference")), frame(size, "", image(candidate, "candidate"), tag("Candidate")));
    } else {
      const found = maps.findIndex(([id]) => id === view.map);
      const [id, address] = maps[Math.max(0, found)];
      const over = image(address, id + " map");
      over.style.opacity = view.opacity / 100;
      $("stage").replaceChildren(frame(size, "", image(candidate, "candidate"), over, tag(id)));
      const [same, different] = data.scales[id].map(number);
      const select = make("select", { id: "which", "aria-label": "Metric of the map", onchange: (event) => { view.map = event.target.value; stage(); } }, ...maps.map(([each]) => make("option", { value: each, selected: each === id }, each)));
      $("controls").replaceChildren(
        maps.length > 1 ? select : "",
        make("div", { class: "bar", role: "img", "aria-label": "Colours of the map: from " + shown(same) + ", no difference, to " + shown(different) + ", the strongest" }, make("span", {}, shown(same)), make("i"), make("span", {}, shown(different)), make("small", {}, make("span", {}, "same"), make("span", {}, shown((same + different) / 2)), make("span", {}, "different"))),
        make("label", { class: "wide" }, "Map over candidate", make("input", { type: "range", id: "opacity", min: 0, max: 100, value: view.opacity, oninput: (event) => { view.opacity = Number(event.target.value); over.style.opacity = view.opacity / 100; } })));
    }
    fitFrames();
    run(view.running);
  }
  function choose(name) {
    view.name = name;
    stage();
  }
  function zoom() {
    view.actual = !view.actual;
    stage();
  }
  function nextMap() {
    const maps = pictures(rows[order[current]])?.maps ?? [];
    if (view.name === "map" && maps.length > 1) {
      const at = Math.max(0, maps.findIndex(([id]) => id === view.map));
      view.map = maps[(at + 1) % maps.length][0];
    }
    choose("map");
  }

  // ---- keys ----
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    const typing = target.matches?.("input[type=search], input[type=number]");
    if (typing) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const own = target.matches?.("input, select");
    const button = target.matches?.("button, a, summary");
    const arrow = event.key.startsWith("Arrow");
    if (own && (arrow || event.key === " ")) return;
    const detail = $("detail").open;
    if ($("help").open) {
      if (event.key === "?") $("help").close();
      return;
    }
    // The arrows scroll a picture that is larger than its stage.
    if (arrow && detail && view.actual && target === $("stage")) return;
    const anywhere = {
      j: () => step(1), ArrowDown: () => step(1), ArrowRight: () => step(1),
      k: () => step(-1), ArrowUp: () => step(-1), ArrowLeft: () => step(-1),
      "?": () => $("help").showModal(),
    };
    const inside = {
      f: () => (view.name === "flicker" ? run(!view.running) : choose("flicker")),
      s: () => choose("slider"), b: () => choose("side"), m: nextMap, z: zoom,
      o: () => { view.opacity = view.name === "map" && view.opacity < 100 ? 100 : 50; choose("map"); },
      " ": () => { run(false); flip(!view.second); },
    };
    const outside = { "/": () => $("search").focus(), Enter: () => order.length && open(current) };
    if (button && (event.key === "Enter" || event.key === " ")) return;
    // Outside the list the arrows scroll the page as ever.
    if (arrow && !detail && !target.closest?.("#body")) return;
    const act = anywhere[event.key] ?? (detail ? inside : outside)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // ---- setting up ----
  $("detail").addEventListener("close", () => {
    clearInterval(timer);
    $("stage").replaceChildren();
    current = viewed;
    step(0);
  });
  $("previous").onclick = () => step(-1);
  $("next").onclick = () => step(1);
  $("close").onclick = () => $("detail").close();
  $("ask").onclick = () => $("help").showModal();
  $("help-close").onclick = () => $("help").close();
  const option = (value, text) => make("option", { value }, text);
  const count = (name) => rows.filter((row) => row.status === name).length;
  $("status").append(option("all", "all"), ...["failed", "error", "passed", "scored"].filter((name) => count(name)).map((name) => option(name, name + " (" + count(name).toLocaleString() + ")")));
  $("metric").append(...columns.map(([id], index) => option(String(index), id)));
  $("sort").append(option("worst", "worst first"), option("name+", "name"), ...columns.flatMap(([id, direction], index) => {
    const [worst, best] = direction === "higher" ? ["+", "-"] : ["-", "+"];
    return [option(index + worst, id + ", worst first"), option(index + best, id + ", best first")];
  }));
  $("sort").onchange = () => {
    const value = $("sort").value;
    if (value === "worst") return sortBy("worst", false);
    const key = value.slice(0, -1);
    sortBy(key === "name" ? key : Number(key), value.endsWith("+"));
  };
  for (const id of ["search", "threshold"]) $(id).addEventListener("input", update);
  for (const id of ["status", "metric"]) $(id).addEventListener("change", update);
  $("tools").addEventListener("submit", (event) => event.preventDefault());
  $("time").dateTime = new Date(data.time).toISOString();
  $("time").textContent = new Date(data.time).toLocaleString();
  const previews = rows.filter((row) => row.previews).length;
  const scored = rows.filter((row) => row.size).length;
  if (previews < scored) $("kept").textContent = "To keep this file small, it holds large pictures of the worst " + previews.toLocaleString() + " of " + scored.toLocaleString() + " compared pairs; the others have thumbnails and links to their files.";
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(false); });
  };
  addEventListener("scroll", later, { passive: true });
  addEventListener("resize", () => { draw(true); fitFrames(); });
  buildHead();
  update();
  document.documentElement.dataset.ready = "true";
  // The pictures stand behind this script.
  addEventListener("DOMContentLoaded", () => draw(true));
})();
