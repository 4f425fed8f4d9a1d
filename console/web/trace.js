"use strict";
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const CHUNK = 200, FEW = 80;
  const el = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls; if (text !== undefined) e.textContent = text; return e; };
  const add = (to, ...kids) => { for (const kid of kids) if (kid) to.append(kid); return to; };
  const svg = (tag, attrs) => { const e = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const k in attrs) e.setAttribute(k, attrs[k]); return e; };
  const secs = (ms) => ms < 1000 ? `${ms} ms` : ms < 120000 ? `${(ms / 1000).toFixed(1)} s` : ms < 7200000 ? `${(ms / 60000).toFixed(1)} min` : `${(ms / 3600000).toFixed(1)} h`;
  const many = (n, word, plural) => `${n} ${n === 1 ? word : plural || word + "s"}`;
  const from = D.run.began, span = Math.max(1, D.run.ended - D.run.began);
  // A long time in which nothing ran takes BREAK per cent of the scale, whatever its length.
  const BREAK = 5, gaps = D.run.gaps, kept = Math.max(1, span - gaps.reduce((n, [a, b]) => n + b - a, 0)), wide = 100 - BREAK * gaps.length;
  const where = (ms) => {
    let passed = ms - from, x = 0;
    for (const [a, b] of gaps) { const part = Math.max(0, Math.min(ms, b) - a); passed -= part; x += part / (b - a) * BREAK; }
    return Math.min(100, Math.max(0, x + passed / kept * wide));
  };
  const byName = new Map(D.tasks.map((t) => [t.name, t]));

  // -- theme
  const theme = (name) => document.documentElement.setAttribute("data-theme", name);
  $("theme").addEventListener("click", () => {
    const now = document.documentElement.getAttribute("data-theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    theme(now === "dark" ? "light" : "dark");
  });

  // -- the run
  const stateClass = (s) => s === "succeeded" ? "ok" : ["failed", "expired"].includes(s) ? "bad" : ["backing off", "cancelled"].includes(s) ? "warn" : "dim";
  const facts = (pairs) => { const dl = el("dl", "facts"); for (const [k, v, cls] of pairs) if (v) add(dl, add(el("div"), el("dt", "", k), el("dd", cls, v))); return dl; };
  const sum = (i) => D.tasks.reduce((n, t) => n + t.tokens[i], 0);
  add($("facts"), facts([
    ["pipeline", D.run.pipeline], ["outcome", D.run.outcome, stateClass(D.run.outcome)], ["began", new Date(from).toISOString()], ["took", secs(span)],
    ["tasks", String(D.tasks.length)], ["tokens", `${sum(0)} in, ${sum(1)} out`], ["a replay of", D.run.replay_of], ["fault", D.run.fault, "bad"], ["log", D.run.fold_error, "bad"],
    ["payload_gone", D.gone.length ? `${many(D.gone.length, "value")} no longer kept` : "", "warn"]]));
  for (const [what, v] of [["input", D.run.input], ["output", D.run.output]]) if (v) {
    const d = el("details"); add(d, el("summary", "", `${what}: ${v.tokens} tokens, sha256 ${v.sha256}`), shownText(v.text, v.bytes)); add($("facts"), d);
  }
  function shownText(text, bytes) { return text === null || text === undefined ? el("p", "dim", `not shown: ${bytes} bytes`) : el("pre", "", text); }

  // -- notes
  add($("notes"), el("h2", "", "What to look at first"));
  if (!D.notes.length) add($("notes"), el("p", "dim", "Nothing speaks against any task. argosy blame RUN --about TEXT follows a text or a figure back."));
  const rest = el("details"); add(rest, el("summary", "", `${D.notes.length - 4} more`));
  D.notes.forEach((n, number) => {
    const ul = el("ul"); for (const r of n.reasons.slice(0, 5)) add(ul, el("li", "", r));
    add(number < 4 ? $("notes") : rest, add(el("div"), linkTo(n.task), n.points ? el("span", "dim", ` ${many(n.points, "point")}`) : null), ul);
  });
  if (D.notes.length > 4) add($("notes"), rest);
  function linkTo(name) {
    if (!byName.has(name)) return el("span", "", name || "a constant");
    const b = el("button", "link", name); b.type = "button"; b.addEventListener("click", () => choose(name, true)); return b;
  }

  // -- rows
  const groups = []; const at = new Map();
  for (const t of D.tasks) { if (!at.has(t.step)) { at.set(t.step, { step: t.step, tasks: [] }); groups.push(at.get(t.step)); } at.get(t.step).tasks.push(t); }
  const open = new Set(D.tasks.length <= FEW ? groups.map((g) => g.step) : []);
  const more = new Map();
  let chosen = null, focused = null, query = "";

  const place = (bar, a, b) => { bar.style.left = `${where(a)}%`; bar.style.width = `${Math.max(0, where(b) - where(a))}%`; return bar; };
  const broken = (track) => { for (const [a, b] of gaps) add(track, place(el("div", "gap"), a, b)); return track; };
  function bars(t) {
    const track = el("div", "track"); let before = null;
    for (const a of t.tries) {
      if (before !== null && a.ordered > before) add(track, place(el("div", "bar back"), before, a.ordered));
      if (a.begun > a.ordered) add(track, place(el("div", "bar queue"), a.ordered, a.begun));
      add(track, place(el("div", a.outcome === "succeeded" ? "bar" : "bar bad"), a.begun, a.settled)); before = a.settled;
    }
    return broken(track);
  }
  function row(key, name, state, track, label, cls) {
    const r = el("div", `row ${cls}`); r.setAttribute("role", "treeitem"); r.dataset.key = key; r.tabIndex = -1; r.setAttribute("aria-label", label); r.title = label;
    return add(r, el("div", "name", name), el("div", `state ${stateClass(state.split(" ")[0]) }`, state), track);
  }
  function taskRow(t, sub) {
    const tries = t.tries.length > 1 ? `, ${many(t.tries.length, "attempt")}` : "";
    const r = row(t.name, t.name, t.reused ? "reused" : t.state, bars(t), `${t.name}, agent ${t.agent}, ${t.state}${tries}${t.what ? ", " + t.what : ""}${t.why ? ", " + t.why : ""}`, sub ? "sub" : "");
    r.setAttribute("aria-level", sub ? "2" : "1"); r.setAttribute("aria-selected", String(t.name === chosen)); return r;
  }
  function groupRow(g) {
    const counts = {}; for (const t of g.tasks) counts[t.state] = (counts[t.state] || 0) + 1;
    const said = Object.entries(counts).map(([s, n]) => `${n} ${s}`).join(", ");
    const tries = g.tasks.flatMap((t) => t.tries); const track = el("div", "track");
    if (tries.length) { let a = Infinity, b = 0; for (const t of tries) { a = Math.min(a, t.ordered); b = Math.max(b, t.settled); } add(track, place(el("div", "bar many"), a, b)); }
    broken(track);
    const is = open.has(g.step); const r = row("g:" + g.step, `${is ? "▾" : "▸"} ${g.step} (${g.tasks.length})`, said, track, `${g.step}, ${many(g.tasks.length, "task")}: ${said}`, "");
    r.setAttribute("aria-expanded", String(is)); r.setAttribute("aria-level", "1"); return r;
  }
  const text = (t) => t.text_ || (t.text_ = JSON.stringify(t).toLowerCase());
  function draw() {
    const list = $("rows"); list.replaceChildren(); let shown = 0;
    if (query) {
      const hits = D.tasks.filter((t) => text(t).includes(query));
      for (const t of hits.slice(0, more.get("?") || CHUNK)) { add(list, taskRow(t, false)); shown++; }
      if (hits.length > shown) add(list, moreButton("?", hits.length - shown));
      $("told").textContent = `${many(hits.length, "task")} of ${D.tasks.length} with “${query}”`;
    } else {
      for (const g of groups) {
        if (g.tasks.length === 1) { add(list, taskRow(g.tasks[0], false)); continue; }
        add(list, groupRow(g)); if (!open.has(g.step)) continue;
        const most = more.get(g.step) || CHUNK;
        for (const t of g.tasks.slice(0, most)) add(list, taskRow(t, true));
        if (g.tasks.length > most) add(list, moreButton(g.step, g.tasks.length - most));
      }
      $("told").textContent = "";
    }
    const rows = [...list.querySelectorAll(".row")]; const now = rows.find((r) => r.dataset.key === focused) || rows[0]; if (now) now.tabIndex = 0;
  }
  function moreButton(key, left) { const b = el("button", "", `${Math.min(CHUNK, left)} more of ${left}`); b.type = "button"; b.addEventListener("click", () => { more.set(key, (more.get(key) || CHUNK) + CHUNK); draw(); }); return b; }
  function toggle(step, to) { if (to === undefined ? open.has(step) : !to) open.delete(step); else open.add(step); draw(); refocus(); }
  function refocus() { const r = [...$("rows").querySelectorAll(".row")].find((each) => each.dataset.key === focused); if (r) r.focus(); }
  function act(r) { focused = r.dataset.key; if (focused.startsWith("g:")) toggle(focused.slice(2)); else choose(focused, false); }
  $("rows").addEventListener("click", (e) => { const r = e.target.closest(".row"); if (r) act(r); });
  $("rows").addEventListener("keydown", (e) => {
    const rows = [...$("rows").querySelectorAll(".row")], i = rows.indexOf(document.activeElement); if (i < 0) return;
    const key = rows[i].dataset.key, step = key.startsWith("g:") ? key.slice(2) : (byName.get(key) || {}).step;
    const go = (n) => { const r = rows[Math.max(0, Math.min(rows.length - 1, n))]; rows[i].tabIndex = -1; r.tabIndex = 0; focused = r.dataset.key; r.focus(); };
    const keys = { ArrowDown: () => go(i + 1), ArrowUp: () => go(i - 1), Home: () => go(0), End: () => go(rows.length - 1), Enter: () => act(rows[i]), " ": () => act(rows[i]),
      ArrowRight: () => { if (key.startsWith("g:")) { focused = key; toggle(step, true); } },
      ArrowLeft: () => { if (at.get(step) && at.get(step).tasks.length > 1) { focused = "g:" + step; toggle(step, false); } } };
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  });
  $("fold").addEventListener("click", () => { if (open.size) open.clear(); else groups.forEach((g) => open.add(g.step)); $("fold").textContent = open.size ? "Fold all" : "Open all"; draw(); });
  if (!open.size) $("fold").textContent = "Open all";
  $("search").addEventListener("input", () => { query = $("search").value.trim().toLowerCase(); more.delete("?"); draw(); });
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && e.target.tagName !== "INPUT") { e.preventDefault(); $("search").focus(); }
    if (e.key === "Escape" && query) { $("search").value = ""; query = ""; draw(); }
  });
  const ticks = el("div", "ticks"); for (const [x, said] of D.run.ticks) { const s = el("span", "", said); s.style.left = `${x / 10}%`; add(ticks, s); }
  add($("axis"), el("span", "dim", "task"), el("span", "dim", "state"), ticks);
  const legend = el("div", "legend"); for (const [cls, word] of [["bar queue", "waits for a worker"], ["bar", "runs"], ["bar bad", "runs, and does not succeed"], ["bar back", "waits for its next attempt"], ["bar many", "several tasks"]]) add(legend, add(el("span"), el("i", cls), document.createTextNode(word)));
  if (gaps.length) add(legend, el("span", "", `// nothing ran for ${gaps.map(([a, b]) => secs(b - a)).join(", ")}: drawn short`));
  $("told").after(legend);

  // -- one task
  function choose(name, reveal) {
    const t = byName.get(name); if (!t) return; chosen = name; focused = name;
    if (reveal) { query = ""; $("search").value = ""; const g = at.get(t.step); if (g.tasks.length > 1) { open.add(t.step); more.set(t.step, Math.max(more.get(t.step) || CHUNK, g.tasks.indexOf(t) + 1)); } }
    draw(); const r = [...$("rows").querySelectorAll(".row")].find((each) => each.dataset.key === name); if (r && reveal) r.scrollIntoView({ block: "center" });
    if (r) r.focus({ preventScroll: true });
    const p = $("panel"); p.replaceChildren(); p.scrollTop = 0;
    add(p, el("h2", "", t.name), facts([["what", t.what], ["agent", t.version ? `${t.agent} version ${t.version}` : t.agent], ["model", t.model], ["state", t.state, stateClass(t.state)], ["taint", t.taint.join(", "), "warn"],
      ["tokens", `${t.tokens[0]} in, ${t.tokens[1]} out`], ["why", t.why, "bad"], ["", t.reused ? "its result was taken over from the earlier run" : ""]]));
    for (const n of D.notes) if (n.task === name) { add(p, el("h3", "", "What speaks against it")); const ul = el("ul"); n.reasons.forEach((reason) => add(ul, el("li", "", reason))); add(p, ul); }
    if (t.tries.length) {
      add(p, el("h3", "", many(t.tries.length, "attempt"))); const tb = el("table");
      add(tb, add(el("tr"), ...["", "waited", "ran", "outcome", "deliveries", "by"].map((h) => el("th", "", h))));
      for (const a of t.tries) { add(tb, add(el("tr"), el("td", "", String(a.attempt)), el("td", "", secs(a.begun - a.ordered)), el("td", "", secs(a.settled - a.begun)), el("td", a.outcome === "succeeded" ? "ok" : "bad", `${a.outcome}${a.fault ? ": " + a.fault : ""} (offset ${a.offset})`), el("td", "", String(a.deliveries)), el("td", "", a.worker))); }
      add(p, tb);
    }
    for (const each of t.late) add(p, el("p", "warn", `another result, which did not count: ${each}`));
    for (const r of t.reduced) add(p, el("p", "warn", `before it: ${r}`));
    if (t.context) context(p, t.context);
    for (const i of t.inputs) {
      const h = add(el("h3"), document.createTextNode(`input ${i.name}, of `)); i.of.forEach((s, n) => add(h, n ? document.createTextNode(", ") : null, linkTo(s))); if (i.more) add(h, document.createTextNode(` and ${i.more} more`));
      add(p, h, el("p", "dim", `${i.how}, ${i.tokens} tokens, ${i.bytes} bytes${i.taint.length ? ", tainted by " + i.taint.join(", ") : ""}`));
      if (i.sha256) add(p, add(el("p"), el("code", "dim", `sha256 ${i.sha256}`)));
      for (const x of i.holes) add(p, el("p", "bad", `missing: ${x}`));
      add(p, shownText(i.text, i.bytes));
    }
    if (t.output) add(p, el("h3", "", "output"), el("p", "dim", `${t.output.tokens} tokens, ${t.output.bytes} bytes`), add(el("p"), el("code", "dim", `sha256 ${t.output.sha256}`)), shownText(t.output.text, t.output.bytes));
    history.replaceState(null, "", "#" + encodeURIComponent(name));
  }
  function context(p, c) {
    add(p, el("h3", "", `context: ${c.window} tokens, factor ${c.factor / 1000}`)); const grid = el("div", "ctx");
    const line = (name, tokens, said) => { const tr = el("div", "track"), b = el("div", "bar many"); b.style.left = "0"; b.style.width = `${Math.min(100, Math.max(0, tokens) / c.window * 100)}%`; add(tr, b); add(grid, el("span", "", name), tr, el("span", "dim", `${tokens} ${said}`)); };
    let used = 0; for (const i of c.inputs) { const n = Math.floor(i.tokens * c.factor / 1000); used += n; line(i.name, n, i.how); }
    line("reserve", c.reserve, "for the answer"); line("left", c.room - used, "for its prompt"); line("unused", c.window - Math.floor(c.window * c.threshold_per_mille / 1000), "above the safe part"); add(p, grid);
  }

  // -- the graph
  if (D.graph) {
    const G = D.graph, s = svg("svg", { width: G.width, height: G.height, viewBox: `0 0 ${G.width} ${G.height}`, role: "img", "aria-label": G.says });
    const worst = (g) => { const o = ["failed", "expired", "cancelled", "running", "out"]; for (const st of o) if (g.tasks.some((t) => t.state === st)) return st; return g.tasks.length ? g.tasks[0].state : ""; };
    for (const b of G.boxes) {
      const g = svg("g", { class: "box", tabindex: 0, role: "button", "aria-label": b.whole }), grp = at.get(b.name);
      g.append(svg("rect", { x: b.x, y: b.y, width: b.width, height: b.height, rx: 6, class: `${b.outer ? "outer" : ""} ${grp ? worst(grp) : ""}` }));
      const t = svg("text", { x: b.x + 10, y: b.y + 19, class: "t" }); t.textContent = b.title; g.append(t);
      b.lines.forEach((l, n) => { const d = svg("text", { x: b.x + 10, y: b.y + 35 + 15 * n, class: "d" }); d.textContent = l; g.append(d); });
      const title = svg("title", {}); title.textContent = b.whole; g.append(title);
      const go = () => { if (!grp) return; if (grp.tasks.length === 1) choose(grp.tasks[0].name, true); else { open.add(b.name); focused = "g:" + b.name; draw(); refocus(); } };
      g.addEventListener("click", go); g.addEventListener("keydown", (e) => { if (e.key === "Enter") go(); }); s.append(g);
    }
    for (const l of G.lines) s.append(svg("path", { d: l.path, class: l.hole ? "hole" : "" }));
    $("graph").querySelector(".scroll").append(s); if (D.graph.height < 420) $("graph").open = true;
  }

  // -- the log
  let logged = 0; const log = $("log");
  function logRows(body) {
    for (const e of D.log.slice(logged, logged + 500)) {
      const tr = el("tr"); add(tr, el("td", "dim", e.follows ? "" : String(e.offset)), el("td", "dim", e.follows || e.cause === null ? "" : String(e.cause)), el("td", "", (e.follows ? "→ " : "") + e.kind), add(el("td"), e.task ? linkTo(e.task) : null), el("td", e.effect ? "" : "dim", e.effect ? e.what : `(${e.what})`)); add(body, tr);
    }
    logged = Math.min(D.log.length, logged + 500);
  }
  log.addEventListener("toggle", () => {
    if (!log.open || logged) return; const tb = el("table"), body = el("tbody");
    add(tb, add(el("tr"), ...["offset", "cause", "kind", "task", "what"].map((h) => el("th", "", h))), body); logRows(body); add(log.querySelector(".scroll"), tb);
    if (logged < D.log.length) { const b = el("button", "", "500 more"); b.type = "button"; b.addEventListener("click", () => { logRows(body); if (logged >= D.log.length) b.remove(); }); add(log.querySelector(".scroll"), b); }
  });

  draw();
  const start = decodeURIComponent(location.hash.slice(1)); if (byName.has(start)) choose(start, true);
})();
