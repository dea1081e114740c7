// Comfort for readers: word of new stories, a button that copies an address, the
// keys j and k, times in the reader's own zone. Every page works without it.
(() => {
"use strict";
const words = document.currentScript.dataset;
const links = [...document.querySelectorAll(".day h3 a")];

// A region that screen readers watch must be there before it says something.
const told = document.createElement("p");
told.className = "told";
told.setAttribute("role", "status");
document.querySelector("main").prepend(told);

// Times: what hovers over them, and where they are written out.
for (const t of document.querySelectorAll("time[title]")) {
  t.title = new Date(t.dateTime).toLocaleString(t.lang.replace(/^en$/, "en-GB") + "-u-ca-gregory-nu-latn", {
    weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
  });
  if (t.className === "exact") t.textContent = t.title;
}

// A missing picture leaves no hole.
addEventListener("error", (e) => e.target.matches?.('main img[alt=""]') && e.target.remove(), true);

// Copying.
for (const address of document.querySelectorAll(".subscribe code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = words.copy;
  button.setAttribute("aria-label", words.copy + ": " + address.textContent);
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(address.textContent);
    } catch { // no secure connection, or forbidden: the old way
      getSelection().selectAllChildren(address);
      if (!document.execCommand("copy")) return;
    }
    button.textContent = told.textContent = words.copied;
    setTimeout(() => {
      button.textContent = words.copy;
      if (told.textContent === words.copied) told.textContent = "";
    }, 2000);
  };
  address.after(" ", button);
}

// Keys: j to the next story, k to the one before. They can be turned off, since
// single letters get in the way of some who speak to their computer.
const off = {
  get: () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } },
  set: (is) => { try { localStorage.setItem("keys", is ? "off" : "on"); } catch { /* for this page only */ } },
};
if (links.length > 1) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !off.get();
  box.onchange = () => off.set(!box.checked);
  const label = document.createElement("label");
  label.append(box, " ", words.keys);
  const line = document.createElement("p");
  line.className = "keys";
  line.append(label);
  document.querySelector("footer .in").prepend(line);

  addEventListener("keydown", (e) => {
    if (!box.checked || e.ctrlKey || e.altKey || e.metaKey || e.target.closest?.("input, textarea, select")) return;
    // On a keyboard without Latin letters, the key that stands where j does elsewhere.
    const key = /^[\x20-\x7e]$/.test(e.key) ? e.key : e.code.replace("Key", "").toLowerCase();
    const step = { j: 1, k: -1 }[key];
    if (!step) return;
    let at = links.indexOf(document.activeElement);
    if (at < 0) at = links.findIndex((a) => a.getBoundingClientRect().top > 0) - (step > 0 ? 1 : 0);
    const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
    next.focus();
    next.closest("article").scrollIntoView({ block: "nearest" });
  });
}

// New stories: ask by HEAD whether the feed has changed, while the page is seen,
// ever more rarely while it has not; then count what this page does not show.
if (words.news && !navigator.connection?.saveData) {
  const soon = links.length ? 60e3 : 10e3, longest = 15 * 60e3;
  let tag = "", wait = soon, timer = 0, last = Date.now();
  const shown = new Set(links.map((a) => a.pathname));

  const look = async () => {
    last = Date.now();
    try {
      const head = await fetch(words.news, { method: "HEAD", cache: "no-store" });
      const now = head.headers.get("ETag");
      if (!head.ok || !now || now === tag) {
        wait = Math.min(wait * 1.5, longest);
        return;
      }
      const page = await (await fetch(location.href)).text();
      const fresh = [...new DOMParser().parseFromString(page, "text/html").querySelectorAll(".day h3 a")]
        .filter((a) => !shown.has(new URL(a.getAttribute("href"), location.href).pathname)).length;
      tag = now;
      wait = soon;
      if (fresh) {
        const link = document.createElement("a");
        link.href = location.pathname + location.search;
        link.textContent = words.fresh.replace("%d", fresh);
        told.replaceChildren(link);
      }
    } catch {
      wait = Math.min(wait * 2, longest);
    }
  };
  const plan = () => {
    clearTimeout(timer);
    if (document.visibilityState !== "visible") return;
    timer = setTimeout(() => look().finally(plan), Math.max(0, last + wait - Date.now()));
  };
  document.addEventListener("visibilitychange", plan);
  plan();
}
})();
