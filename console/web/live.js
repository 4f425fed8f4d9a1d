"use strict";
// Puts what changed in place, by key. Pages are whole without this: it adds life, the theme's button and a few keys.
(() => {
  const root = document.documentElement;
  const themes = ["auto", "light", "dark"];
  const stored = () => {
    try {
      const theme = localStorage.getItem("theme");
      return themes.includes(theme) ? theme : "auto";
    } catch {
      return "auto";
    }
  };
  const show = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
  };
  show(stored()); // before anything is painted

  const byKey = (region, key) => region.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`);

  const made = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html; // drawn and escaped by the server; the policy lets no script run anyway
    return template.content.firstElementChild;
  };

  const kept = (old, fresh) => {
    // What somebody opened or is typing in stays as it is.
    for (const each of fresh.querySelectorAll("details[id]")) {
      const was = document.getElementById(each.id);
      if (was && old.contains(was)) each.open = was.open;
    }
  };

  const place = (region, change) => {
    for (const key of change.gone) byKey(region, key)?.remove();
    for (const [key, html] of change.put) {
      const fresh = made(html);
      if (!fresh) continue;
      const old = byKey(region, key);
      if (!old) {
        region.append(fresh);
      } else if (!old.contains(document.activeElement) || old === document.activeElement) {
        kept(old, fresh);
        const focused = old === document.activeElement;
        old.replaceWith(fresh);
        if (focused) fresh.focus();
      } else {
        const at = [...old.querySelectorAll("a, button, input, select, textarea, summary")].indexOf(
          document.activeElement,
        );
        if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) continue;
        kept(old, fresh);
        old.replaceWith(fresh);
        fresh.querySelectorAll("a, button, input, select, textarea, summary")[at]?.focus({ preventScroll: true });
      }
      if (old) fresh.classList.add("changed");
    }
    if (!change.order) return;
    const wanted = new Set(change.order);
    for (const child of [...region.children]) if (!wanted.has(child.dataset.key)) child.remove();
    const there = new Map([...region.children].map((child) => [child.dataset.key, child]));
    let last = null;
    for (const key of change.order) {
      const child = there.get(key);
      if (!child) continue;
      const next = last ? last.nextElementSibling : region.firstElementChild;
      if (next !== child) region.insertBefore(child, next);
      last = child;
    }
  };

  // A click is of the element that was pressed: what is replaced in between never hears of it. So changes wait meanwhile.
  let pressed = false;
  const waiting = [];
  const put = (change) => {
    const region = document.querySelector(`[data-region="${CSS.escape(change.region)}"]`);
    if (region) place(region, change);
    document.dispatchEvent(new CustomEvent("argosy:change", { detail: change.region }));
  };
  const released = () => {
    pressed = false;
    for (const change of waiting.splice(0)) put(change);
  };
  addEventListener("pointerdown", (event) => event.button === 0 && (pressed = true));
  for (const end of ["pointerup", "pointercancel", "contextmenu", "blur"])
    addEventListener(end, () => setTimeout(released)); // after the click, which comes with what ends it
  // Released outside the window: nobody says so until the pointer comes back.
  addEventListener("pointermove", (event) => pressed && event.buttons === 0 && setTimeout(released));

  const watch = (path, seen) => {
    const sign = document.getElementById("live");
    const trouble = document.getElementById("trouble");
    const say = (state, text) => {
      if (sign.dataset.state === state) return;
      sign.dataset.state = state;
      sign.textContent = text;
    };
    const source = new EventSource(`${path}${path.includes("?") ? "&" : "?"}seen=${seen}`);
    source.onopen = () => say("on", "live");
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        say("off", "not live");
        setTimeout(() => watch(path, ""), 5000);
      } else {
        say("lost", "reconnecting");
      }
    };
    source.addEventListener("change", (event) => {
      const change = JSON.parse(event.data);
      if (pressed) waiting.push(change);
      else put(change);
    });
    source.addEventListener("trouble", (event) => {
      const { text } = JSON.parse(event.data);
      trouble.textContent = text;
      trouble.hidden = !text;
    });
    addEventListener("pagehide", () => source.close());
  };

  const theme = (button) => {
    const name = () => (button.textContent = `Theme: ${stored()}`);
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = themes[(themes.indexOf(stored()) + 1) % themes.length];
      try {
        localStorage.setItem("theme", next);
      } catch {
        return;
      }
      show(next);
      name();
    });
    name();
  };

  const places = { f: "/", r: "/runs", p: "/pipelines", a: "/approvals", l: "/limits", n: "/lanes", d: "/dead" };
  let gone = 0;
  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "g") {
      gone = event.timeStamp;
      return;
    } else if (event.timeStamp - gone < 1500 && places[event.key]) {
      location.assign(places[event.key]);
    }
    gone = 0;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const { live, seen } = document.body.dataset;
    theme(document.getElementById("theme"));
    document.addEventListener("keydown", keys);
    // Sorting and filters that are forms send themselves.
    for (const each of document.querySelectorAll("form[data-auto] select, form[data-auto] input[type=checkbox]"))
      each.addEventListener("change", () => each.form.requestSubmit());
    if (live) watch(live, seen);
  });
})();
