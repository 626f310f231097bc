/* Live updates: one event stream per browser, shared by its tabs; polling where that cannot be. See docs/decisions/one-stream-per-browser.md. */
"use strict";
(() => {
  const frame = document.querySelector("[data-live]");
  const { live: url, topic } = frame.dataset;
  const id = Math.random().toString(36).slice(2);
  const POLL = 3000, SILENCE = 40000, GRACE = 4000, HIDDEN = 15000, SETTLE = 250, MAX_TOPICS = 100;
  let revision = Number(frame.dataset.revision);

  // Refreshing: no faster than the server responds. A hidden tab refreshes only what its title shows, and the rest once it is seen.
  let stale = false, next = 0, delayed = 0, failed = false;
  const refresh = () => {
    stale = true;
    clearTimeout(delayed);
    const wait = next - Date.now();
    if (wait > 0) { delayed = setTimeout(refresh, wait); return; }
    next = document.hidden ? Date.now() + HIDDEN : 0;
    stale = document.hidden;
    failed = false;
    for (const part of document.querySelectorAll(document.hidden ? "#run" : ".live, #log")) htmx.trigger(part, "refresh");
  };
  const refreshNow = () => { next = 0; refresh(); };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && stale) refreshNow(); });
  const banner = document.getElementById("connection");
  const timed = (happened) => ({ detail: { elt, xhr } }) => { if (elt.classList.contains("live")) happened(elt, xhr); };
  document.addEventListener("htmx:beforeRequest", timed((part) => { part.began = Date.now(); }));
  document.addEventListener("htmx:afterRequest", timed((part, xhr) => {
    next = Math.max(next, 2 * Date.now() - part.began);
    failed = failed || xhr.status === 0 || xhr.status >= 500;
  }));
  document.addEventListener("htmx:sendError", () => { banner.hidden = false; });
  document.addEventListener("htmx:afterOnLoad", () => { banner.hidden = true; });

  // Every tab: its own revision decides whether news is news. Polls while nothing has been heard for long.
  let heard = Date.now() - SILENCE + GRACE, refused = false;
  const poll = () => {
    if (failed || refused || Date.now() - heard > SILENCE) refresh();
    if (stream && Date.now() - Math.max(heard, opened) > SILENCE) lost();
  };
  setTimeout(() => setInterval(poll, POLL), Math.random() * POLL);
  const receive = (message) => {
    if (message.up) heard = Date.now();
    if (message.down) heard = 0;
    if (message.refused === topic) refused = true;
    if (message.changed === topic && message.revision > revision) { revision = message.revision; refused = false; refresh(); }
    if (message.who) announce();
    if (stopLeading) answer(message);
  };

  // The leader: the one tab that holds the lock, and the stream for all of them.
  let channel = null, request = null, stopLeading = null, stream = null, opening = 0, opened = 0, attempts = 0, up = false;
  const tabs = new Map(), latest = new Map();
  const send = (message) => { channel.postMessage(message); receive(message); };
  const announce = () => send({ tab: id, topic, revision });
  const answer = (message) => {
    if (message.gone) tabs.delete(message.gone);
    if (!message.tab) return;
    tabs.set(message.tab, message);
    if (!latest.has(message.topic)) openIn(SETTLE);
    else if (latest.get(message.topic) > message.revision) send({ changed: message.topic, revision: latest.get(message.topic) });
    if (up) send({ up });
  };
  const wanted = () => {
    const found = new Map();
    for (const tab of tabs.values()) found.set(tab.topic, Math.min(tab.revision, found.get(tab.topic) ?? Infinity));
    return [...found];
  };
  const openIn = (delay) => { opening = opening || setTimeout(connect, delay); };
  const connect = () => {
    close();
    opened = Date.now();
    for (const [left] of wanted().slice(MAX_TOPICS)) send({ refused: left });
    const asked = wanted().slice(0, MAX_TOPICS);
    for (const [one, known] of asked) latest.set(one, known);
    stream = new EventSource(`${url}?${asked.map(([one, known]) => `topic=${one}:${known}`).join("&")}`);
    stream.addEventListener("heartbeat", () => { attempts = 0; up = true; send({ up }); });
    stream.addEventListener("refused", ({ data }) => send({ refused: data }));
    stream.addEventListener("changed", ({ data }) => {
      const [changed, number] = data.split(" ");
      latest.set(changed, Number(number));
      send({ up: true, changed, revision: Number(number) });
    });
    stream.onerror = lost;
  };
  const lost = () => {
    close();
    tabs.clear(); // some may have crashed; the others answer
    send({ down: true, who: true });
    openIn(1000 + Math.random() * Math.min(30000, 2000 * 2 ** attempts++));
  };
  const close = () => {
    clearTimeout(opening);
    if (stream) stream.close();
    stream = null;
    opening = 0;
    up = false;
    latest.clear();
  };
  const lead = (signal) => new Promise((resolve) => {
    if (signal.aborted) { resolve(); return; }
    stopLeading = resolve;
    tabs.clear();
    send({ who: true });
    openIn(SETTLE);
  });

  // A tab that sleeps, is left or waits in the back/forward cache gives up channel, lock and stream; when it wakes it catches up.
  const join = () => {
    if (channel) return;
    channel = new BroadcastChannel("live");
    channel.onmessage = ({ data }) => receive(data);
    request = new AbortController();
    const { signal } = request;
    navigator.locks.request("live", { signal }, () => lead(signal)).catch(() => {});
    announce();
  };
  const leave = () => {
    if (!channel) return;
    channel.postMessage({ gone: id });
    channel.close();
    channel = null;
    request.abort();
    close();
    if (stopLeading) stopLeading();
    stopLeading = null;
  };
  const wake = () => { if (channel || !navigator.locks) return; heard = Date.now() - SILENCE + GRACE; refused = false; join(); refreshNow(); };
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  document.addEventListener("freeze", leave);
  document.addEventListener("resume", wake);
  if (navigator.locks) join();
  else heard = 0; // plain HTTP from another machine: no locks, so no stream
})();
