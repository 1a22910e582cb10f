"use strict";
// What makes the page more than paper. Text is only ever set as text, never as markup.

const $ = (query, from = document) => from.querySelector(query);
const $$ = (query, from = document) => [...from.querySelectorAll(query)];
const count = (n) => n.toLocaleString("en-US");
const counted = (n, noun) => count(n) + " " + noun + (n === 1 ? "" : "s");

function make(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

// Tables: rows that open, columns that sort, filters.

function openRows(list) {
  const items = $$("tbody.item", list);
  const few = list.id === "incidents" && items.length <= 3;
  for (const item of items) {
    const more = $("tr.more", item);
    if (!more) continue;
    const head = $("th", item);
    const button = make("button", { type: "button", class: "open", "aria-expanded": few, "aria-label": "Details of " + head.textContent });
    more.hidden = !few;
    button.addEventListener("click", () => setOpen(item, more.hidden));
    head.prepend(button);
  }
}

function setOpen(item, open) {
  const more = $("tr.more", item);
  if (!more) return;
  more.hidden = !open;
  $("button.open", item).setAttribute("aria-expanded", open);
}

const collator = new Intl.Collator("en", { numeric: true });

function sortable(table) {
  $$(":scope > thead th", table).forEach((th, column) => {
    const button = make("button", { type: "button" }, ...th.childNodes);
    th.append(button);
    button.addEventListener("click", () => {
      const numbers = th.classList.contains("num");
      const now = th.getAttribute("aria-sort");
      const down = now ? now === "ascending" : numbers; // the largest number first
      $$("th[aria-sort]", th.parentNode).forEach((other) => other.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = $$(":scope > tbody.item", table).map((item) => {
        const cell = item.rows[0].cells[column];
        return { item, key: "v" in cell.dataset ? cell.dataset.v : cell.textContent.trim() };
      });
      keyed.sort((a, b) => {
        if (a.key === "" || b.key === "") return (a.key === "") - (b.key === ""); // blanks last
        return (down ? -1 : 1) * collator.compare(a.key, b.key);
      });
      table.append(...keyed.map((k) => k.item));
    });
  });
}

function filterable(list) {
  const controls = $(".controls", list);
  if (!controls) return;
  const items = $$("tbody.item", list);
  const texts = items.map((item) => $$("th, td:not([colspan]), dd", item).map((e) => e.textContent).join("\n").toLowerCase());
  const find = $("[data-find]", controls);
  const others = $$("[data-key]", controls);
  const empty = make("p", { class: "empty", hidden: "" }, "Nothing matches.");
  $(".scroll", list).append(empty);
  const apply = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    items.forEach((item, i) => {
      const fits = words.every((w) => texts[i].includes(w)) && others.every((o) => {
        const want = o.type === "checkbox" ? (o.checked ? o.value : "") : o.value;
        return want === "" || item.dataset[o.dataset.key] === want;
      });
      item.hidden = !fits;
      shown += fits;
    });
    empty.hidden = shown > 0;
    $(".shown", controls).textContent = shown === items.length ? counted(shown, "row") : count(shown) + " of " + counted(items.length, "row");
  };
  for (const c of [find, ...others]) c.addEventListener("input", apply);
  controls.hidden = false;
  list.showAll = () => {
    find.value = "";
    for (const o of others) o.type === "checkbox" ? (o.checked = false) : (o.value = "");
    apply();
  };
  apply();
}

function copyable(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = $("code", button.parentNode);
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code); // a page from a mail may not be allowed more
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// What a link leads to may be filtered out or folded.
function showTarget(id) {
  const item = document.getElementById(id);
  if (!item) return;
  const list = item.closest(".list");
  if (item.hidden && list && list.showAll) list.showAll();
  if (item.matches("tbody.item")) setOpen(item, true);
}

for (const list of $$(".list")) {
  openRows(list);
  $$(".scroll > table", list).forEach(sortable);
  filterable(list);
}
$$("button.copy").forEach(copyable);
document.addEventListener("click", (e) => {
  const link = e.target.closest("a[href^='#']");
  if (link) showTarget(decodeURIComponent(link.getAttribute("href").slice(1)));
});

// The timeline.

const SVG = "http://www.w3.org/2000/svg";
function svg(name, attributes, ...children) {
  const e = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

const pen = document.createElement("canvas").getContext("2d");
function fit(text, width) {
  pen.font = "12px system-ui, sans-serif";
  if (pen.measureText(text).width <= width) return text;
  let keep = [...text];
  while (keep.length > 1 && pen.measureText(keep.join("") + "…").width > width) keep.pop();
  return keep.join("") + "…";
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 345600, 604800, 1209600, 2592000, 7776000, 31536000];
const FIRST_ROWS = 30, ROW = 24, TOTAL = 46, FILES = 12, LANES = 2, LANE = 20;

class Chart {
  constructor(data, root) {
    Object.assign(this, { data, root, box: $("#chart"), status: $("#chart-status"), from: 0, to: data.seconds, picked: -1, words: "", all: false });
    this.peak = Math.max(1, ...data.rows.flatMap((r) => r.buckets.map((b) => b[1] + b[2] + b[3])));
    this.totalPeak = Math.max(1, ...data.total.map((b) => b[1] + b[2] + b[3]));
    this.least = Math.min(data.seconds, Math.max(10, data.width / 10));
    this.head = svg("svg", { class: "head", "aria-hidden": "false" });
    this.body = svg("svg", { class: "body" });
    this.tip = make("div", { class: "tip", hidden: "" });
    this.box.append(this.head, this.body);
    document.body.append(this.tip);
    this.rest = make("p", { class: "rest" });
    this.box.after(this.rest);
    this.listen();
    root.hidden = false;
    new ResizeObserver(() => requestAnimationFrame(() => { if (Math.abs(this.box.clientWidth - this.width) > 1) this.build(); })).observe(this.box);
    this.build();
  }

  rows() {
    const found = this.data.rows.filter((r) => this.words.split(/\s+/).every((w) => r.name.toLowerCase().includes(w)));
    return this.all || this.words ? found : found.slice(0, FIRST_ROWS);
  }

  x(t) { return this.left + (t - this.from) / (this.to - this.from) * this.plot; }
  t(x) { return this.from + (x - this.left) / this.plot * (this.to - this.from); }

  // build makes what does not change with the view: bars live in units of seconds inside a group that draw() moves and stretches.
  build() {
    this.width = this.box.clientWidth || 900;
    this.left = Math.min(190, Math.round(this.width * 0.3));
    this.plot = Math.max(50, this.width - this.left - 10);
    this.shown = this.rows();
    this.top = LANES * LANE + 24;
    this.headHeight = this.top + FILES + TOTAL + 6;
    this.bodyHeight = Math.max(ROW, this.shown.length * ROW) + 4;
    for (const [e, height] of [[this.head, this.headHeight], [this.body, this.bodyHeight]]) {
      e.replaceChildren();
      e.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    }
    this.head.append(svg("defs", {}, svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("path", { class: "hatch", d: "M1 0V6" })),
      svg("clipPath", { id: "clip" }, svg("rect", { x: this.left, y: 0, width: this.plot, height: 1e6 }))));
    this.under = [svg("g", { "clip-path": "url(#clip)" }), svg("g", { "clip-path": "url(#clip)" })];
    this.over = [svg("g"), svg("g", { "clip-path": "url(#clip)" })];
    this.scaled = [];
    const plots = [svg("g", { "clip-path": "url(#clip)" }), svg("g", { "clip-path": "url(#clip)" })];
    const names = svg("g");
    const scaled = (i, y, ...children) => {
      const g = svg("g", {}, ...children);
      this.scaled.push([g, y]);
      plots[i].append(g);
    };
    const boxes = (state) => this.data.files.filter((f) => f.state === state).map((f) => `M${f.from} 1H${Math.max(f.to, f.from + 1)}V${FILES - 2}H${f.from}Z`).join("");
    scaled(0, this.top, ...["ok", "copy", "bad"].map((s) => svg("path", { class: "f-" + s, d: boxes(s) })));
    scaled(0, this.top + FILES, ...this.bars(this.data.total, TOTAL, this.totalPeak));
    this.head.append(svg("text", { class: "dim", x: 8, y: this.top + FILES - 2 }, "log files"), svg("text", { x: 8, y: this.top + FILES + TOTAL - 6 }, "all tables"));
    this.shown.forEach((r, i) => {
      const y = i * ROW + 2;
      scaled(1, y, svg("path", { class: "exists", d: r.exists.map(([a, b]) => `M${a} 2H${b}V${ROW - 2}H${a}Z`).join("") }), ...this.bars(r.buckets, ROW - 3, this.peak),
        svg("path", { class: "bare", d: r.bare ? `M${r.bare} ${ROW - 4}H${this.data.seconds}v3H${r.bare}Z` : "" }),
        svg("path", { class: "life", d: (r.life || []).map((l) => `M${l.at} 2V${ROW - 2}`).join("") }),
        svg("path", { class: "hit", d: (r.hit || []).map((t) => `M${t} 1V${ROW - 1}`).join("") }));
      names.append(svg("text", { x: 8, y: y + 16 }, svg("title", {}, r.name), fit(r.name, this.left - 16)));
    });
    this.pick = svg("rect", { class: "picked", x: 0, width: this.width, height: ROW });
    this.dragged = [this.head, this.body].map(() => svg("rect", { class: "drag", y: 0, height: 1e6, visibility: "hidden" }));
    this.head.append(this.under[0], plots[0], this.over[0], this.dragged[0]);
    this.body.append(this.under[1], plots[1], names, this.over[1], this.pick, this.dragged[1]);
    const hidden = this.data.rows.length - this.shown.length;
    const text = [];
    if (hidden > 0) text.push(counted(hidden, "more table") + (this.words ? " not named so. " : ", less changed. "));
    if (this.data.others > 0) text.push(counted(this.data.others, "further table") + " only in the sum of all. ");
    if (this.data.quiet > 0) text.push(counted(this.data.quiet, "table") + " without a change in the log.");
    this.rest.replaceChildren(...text);
    if (hidden > 0 && !this.words) {
      const button = make("button", { type: "button" }, "Show all");
      button.addEventListener("click", () => { this.all = true; this.build(); this.box.focus(); });
      this.rest.prepend(button, " ");
    }
    this.draw();
  }

  // bars stacks what was inserted, updated and deleted. The height of a stack is the square root of their sum, which leaves
  // small numbers something to see; its parts are in proportion.
  bars(buckets, height, peak) {
    const w = this.data.width, d = ["", "", ""];
    for (const [i, ...n] of buckets) {
      const sum = n[0] + n[1] + n[2];
      const full = Math.max(2, (height - 2) * Math.sqrt(sum / peak));
      let y = height;
      n.forEach((v, kind) => {
        if (!v) return;
        const h = Math.max(full * v / sum, 1);
        d[kind] += `M${i * w} ${y.toFixed(1)}v${(-h).toFixed(1)}h${w * 0.9}v${h.toFixed(1)}Z`;
        y -= h;
      });
    }
    return ["ins", "upd", "del"].map((c, k) => svg("path", { class: c, d: d[k] }));
  }

  draw() {
    const scale = this.plot / (this.to - this.from);
    for (const [g, y] of this.scaled) g.setAttribute("transform", `matrix(${scale} 0 0 1 ${this.left - this.from * scale} ${y})`);
    for (const g of [...this.under, ...this.over]) g.replaceChildren();
    this.axis();
    this.marks();
    const on = this.picked >= 0 && this.picked < this.shown.length;
    this.pick.setAttribute("visibility", on ? "visible" : "hidden");
    if (on) this.pick.setAttribute("y", this.picked * ROW + 2);
    this.say();
  }

  axis() {
    const want = (this.to - this.from) / Math.max(2, this.plot / 110);
    const step = STEPS.find((s) => s >= want) || STEPS[STEPS.length - 1];
    const y = LANES * LANE + 16;
    for (let at = Math.ceil((this.data.from + this.from) / step) * step; at <= this.data.from + this.to; at += step) {
      const x = this.x(at - this.data.from);
      const [date, clock] = [day(at), hour(at, step)];
      for (const [i, h] of [[0, this.headHeight], [1, this.bodyHeight]]) this.under[i].append(svg("path", { class: "grid", d: `M${x} ${i ? 0 : y + 4}V${h}` }));
      const midnight = at % 86400 === 0 || step >= 86400;
      this.over[0].append(svg("text", { class: "dim", x: Math.min(x, this.left + this.plot - 20), y, "text-anchor": x > this.left + 30 ? "middle" : "start" }, midnight ? date : clock));
    }
    this.under[1].append(svg("path", { class: "edge", d: `M${this.left} 0V${this.bodyHeight}` }));
  }

  marks() {
    const lanes = Array.from({ length: LANES }, () => []), right = this.left + this.plot;
    const crowded = this.data.marks.filter((m) => m.kind === "incident" && m.at >= this.from && m.at <= this.to).length > 30;
    const rare = (m) => m.kind !== "incident"; // these get their label first
    for (const m of [...this.data.marks.filter(rare), ...this.data.marks.filter((m) => !rare(m))]) {
      const stretch = m.until > m.at && ["gap", "torn", "corrupt"].includes(m.kind);
      const a = this.x(m.at), b = stretch ? this.x(m.until) : a;
      if (b < this.left || a > right) continue;
      const from = Math.max(a, this.left), to = Math.min(b, right);
      [[0, LANES * LANE + 20, this.headHeight], [1, 0, this.bodyHeight]].forEach(([i, top, bottom]) => {
        if (stretch) this.under[i].append(svg("rect", { x: from, y: top, width: Math.max(to - from, 2), height: bottom - top, fill: "url(#hatch)" }));
        const y = i ? 0 : this.chipY(m, lanes, from, right);
        if (crowded && m.kind === "incident" && (i || y > LANES * LANE)) return; // the rows show which it struck
        this.over[i].append(svg("path", { class: "m " + m.kind, d: `M${from} ${y}V${i ? bottom : crowded && m.kind === "incident" ? this.top : bottom}` }));
      });
    }
  }

  // chipY places a mark's label in the first lane with room, and tells where its line begins; without room the line stands alone.
  chipY(m, lanes, x, right) {
    pen.font = "600 12px system-ui, sans-serif";
    const w = pen.measureText(m.label).width + 14;
    const left = Math.max(this.left, Math.min(x - 6, right - w));
    const lane = lanes.findIndex((taken) => taken.every(([a, b]) => left > b || left + w < a));
    if (lane < 0) return LANES * LANE + 4;
    lanes[lane].push([left - 3, left + w + 3]);
    const y = lane * LANE + 2;
    const chip = svg(m.anchor ? "a" : "g", m.anchor ? { href: "#" + m.anchor } : {}, svg("title", {}, m.text),
      svg("rect", { class: "chip " + m.kind, x: left, y, width: w, height: LANE - 3, rx: 4 }), svg("text", { class: "chipt", x: left + 7, y: y + 13 }, m.label));
    this.over[0].append(chip);
    return y + LANE - 3;
  }

  say() {
    const changes = (buckets) => buckets.reduce((sum, b) => (b[0] * this.data.width < this.to && (b[0] + 1) * this.data.width > this.from ? sum + b[1] + b[2] + b[3] : sum), 0);
    const r = this.shown[this.picked];
    this.status.textContent = (r ? r.name + ": " + counted(changes(r.buckets), "row change") : counted(changes(this.data.total), "row change")) +
      " in view, " + stamp(this.data.from + this.from) + " to " + stamp(this.data.from + this.to) + " UTC";
  }

  show(from, to) {
    const span = Math.min(Math.max(to - from, this.least), this.data.seconds);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - span / 2, 0), this.data.seconds - span);
    this.to = this.from + span;
    this.draw();
  }

  zoom(factor, at = (this.from + this.to) / 2) { this.show(at - (at - this.from) * factor, at + (this.to - at) * factor); }

  move(part) {
    const by = Math.max(-this.from, Math.min(this.data.seconds - this.to, (this.to - this.from) * part));
    this.show(this.from + by, this.to + by);
  }

  incident(direction) {
    const all = this.data.marks.filter((m) => m.kind === "incident");
    if (!all.length) return;
    const whole = this.to - this.from >= this.data.seconds * 0.999;
    const middle = (this.from + this.to) / 2, near = (this.to - this.from) / 100;
    const next = direction > 0 ? all.find((m) => whole || m.at > middle + near) || all[0] : all.findLast((m) => whole || m.at < middle - near) || all[all.length - 1];
    const span = whole ? this.data.seconds / 20 : this.to - this.from;
    this.show(next.at - span / 2, next.at + span / 2);
    this.status.textContent = next.label + " at " + stamp(this.data.from + next.at) + " UTC: " + next.text;
  }

  choose(i) {
    if (!this.shown.length) return;
    this.picked = Math.min(Math.max(i, 0), this.shown.length - 1);
    this.draw();
    const y = this.picked * ROW, box = this.box;
    if (y < box.scrollTop) box.scrollTop = y;
    if (this.headHeight + y + ROW + 4 > box.scrollTop + box.clientHeight) box.scrollTop = this.headHeight + y + ROW + 4 - box.clientHeight;
  }

  go() {
    const r = this.shown[this.picked];
    const item = r && $$("#tables tbody.item").find((i) => $("th bdi", i).textContent === r.name);
    if (!item) return;
    $("#tables").showAll();
    setOpen(item, true);
    item.scrollIntoView({ block: "center" });
    ($("button.open", item) || $("#tables .scroll")).focus({ preventScroll: true });
  }

  listen() {
    const act = {
      in: () => this.zoom(0.5), out: () => this.zoom(2), left: () => this.move(-0.25), right: () => this.move(0.25),
      all: () => this.show(0, this.data.seconds), next: () => this.incident(1), prev: () => this.incident(-1),
      up: () => this.choose(this.picked - 1), down: () => this.choose(this.picked + 1), go: () => this.go(), none: () => { this.picked = -1; this.draw(); },
    };
    const keys = { "+": "in", "=": "in", "-": "out", "_": "out", ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", 0: "all", Home: "all", n: "next", p: "prev", Enter: "go", Escape: "none" };
    for (const b of $$("button[data-do]", this.root)) b.addEventListener("click", act[b.dataset.do]);
    $("input[data-do=rows]", this.root).addEventListener("input", (e) => { this.words = e.target.value.trim().toLowerCase(); this.picked = -1; this.build(); });
    this.box.addEventListener("keydown", (e) => {
      const name = keys[e.key];
      if (!name || e.ctrlKey || e.metaKey || e.altKey || e.target !== this.box) return;
      e.preventDefault();
      act[name]();
    });
    this.pointer();
  }

  pointer() {
    const at = (e) => {
      const box = this.head.getBoundingClientRect();
      return (e.clientX - box.left) * this.width / box.width;
    };
    let start = null;
    this.box.addEventListener("wheel", (e) => {
      if (document.activeElement !== this.box && !e.ctrlKey) return; // the page scrolls until the chart was asked for
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.move(Math.sign(e.deltaX) * 0.1);
      else if (e.deltaY > 0 && this.to - this.from >= this.data.seconds) return;
      else this.zoom(e.deltaY > 0 ? 1.25 : 0.8, this.t(Math.max(at(e), this.left)));
      e.preventDefault();
    }, { passive: false });
    this.box.addEventListener("pointerdown", (e) => {
      if (e.button === 0 && !e.target.closest("a") && at(e) >= this.left) start = at(e);
    });
    addEventListener("pointermove", (e) => {
      if (start === null) return;
      const [a, b] = [Math.max(this.left, Math.min(start, at(e))), Math.min(this.left + this.plot, Math.max(start, at(e)))];
      for (const r of this.dragged) {
        r.setAttribute("x", a);
        r.setAttribute("width", Math.max(0, b - a));
        r.setAttribute("visibility", b - a > 4 ? "visible" : "hidden");
      }
    });
    addEventListener("pointerup", (e) => {
      if (start === null) return;
      const [a, b] = [Math.max(this.left, Math.min(start, at(e))), Math.min(this.left + this.plot, Math.max(start, at(e)))];
      start = null;
      for (const r of this.dragged) r.setAttribute("visibility", "hidden");
      if (b - a > 4) this.show(this.t(a), this.t(b));
    });
    addEventListener("pointercancel", () => { start = null; for (const r of this.dragged) r.setAttribute("visibility", "hidden"); });
    this.box.addEventListener("dblclick", (e) => { if (!e.target.closest("a")) this.show(0, this.data.seconds); });
    this.box.addEventListener("pointermove", (e) => this.hover(e, at(e)));
    this.box.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.body.addEventListener("click", (e) => {
      const y = (e.clientY - this.body.getBoundingClientRect().top) * this.width / this.body.getBoundingClientRect().width;
      if (at(e) < this.left) this.choose(Math.floor((y - 2) / ROW));
    });
  }

  hover(e, x) {
    const lines = [];
    const near = 4 * (this.to - this.from) / this.plot;
    const t = this.t(x);
    if (x >= this.left && x <= this.left + this.plot) {
      for (const m of this.data.marks) if (t > m.at - near && t < Math.max(m.until || 0, m.at) + near) lines.push(m.label + ": " + m.text);
      if (lines.length > 5) lines.splice(4, Infinity, `… and ${lines.length - 4} more marks`);
      const index = Math.floor(t / this.data.width);
      const box = this.body.getBoundingClientRect();
      const row = e.clientY < box.top || this.head.contains(e.target) ? null : this.shown[Math.floor(((e.clientY - box.top) * this.width / box.width - 2) / ROW)];
      const b = (row ? row.buckets : this.data.total).find((c) => c[0] === index);
      lines.push(`${row ? row.name : "all tables"}, ${stamp(this.data.from + index * this.data.width)} UTC, ${span(this.data.width)}`);
      lines.push(b ? ["inserted", "updated", "deleted"].map((k, i) => [b[i + 1], k]).filter(([n]) => n).map(([n, k]) => count(n) + " " + k).join(", ") : "no row change");
      if (row) for (const l of (row.life || []).filter((l) => Math.abs(l.at - t) < near).slice(0, 4)) lines.push(l.text.slice(0, 120));
      for (const f of this.data.files.filter((f) => f.from <= t && t <= f.to).slice(0, 1)) lines.push(f.name + (f.state === "copy" ? " (one copy is damaged)" : f.state === "bad" ? " (damaged)" : ""));
    }
    this.tip.hidden = lines.length === 0;
    this.tip.textContent = lines.join("\n");
    this.tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - this.tip.offsetWidth - 8)) + "px";
    this.tip.style.top = Math.max(4, Math.min(e.clientY + 16, innerHeight - this.tip.offsetHeight - 8)) + "px";
  }
}

const iso = (at) => new Date(at * 1000).toISOString();
const stamp = (at) => iso(at).slice(0, 19).replace("T", " ");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const day = (at) => { const d = new Date(at * 1000); return d.getUTCDate() + " " + MONTHS[d.getUTCMonth()]; };
const hour = (at, step) => iso(at).slice(11, step < 60 ? 19 : 16);
const span = (s) => (s % 86400 === 0 ? s / 86400 + " d" : s % 3600 === 0 ? s / 3600 + " h" : s % 60 === 0 ? s / 60 + " min" : s + " s");

const embedded = $("#data");
const chart = embedded ? new Chart(JSON.parse(embedded.textContent), $("#timeline")) : null;
if (location.hash) showTarget(decodeURIComponent(location.hash.slice(1)));
