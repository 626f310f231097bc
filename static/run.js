/* A run: copying its log, saying when a search finds nothing, and telling a person who agreed that it ended or stands still. */
"use strict";
(() => {
  const lines = document.getElementById("log-lines");
  const copy = document.getElementById("log-copy");
  const none = document.getElementById("log-none");
  const shown = () => [...lines.children].filter((line) => !line.hidden);

  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const text = shown().map((line) => line.innerText.replace(/\n+$/, "")).join("\n");
      await navigator.clipboard.writeText(text);
      const label = copy.querySelector("span");
      const before = label.textContent;
      label.textContent = document.body.dataset.copied;
      setTimeout(() => { label.textContent = before; }, 2000);
    });
  }
  document.getElementById("log-search").addEventListener("input", (event) => {
    none.hidden = !event.target.value || shown().length > 0;
  });

  // Notifications, only if the person asks for them; asked again after each refresh, since the button comes with it.
  const part = document.getElementById("run");
  const kept = `notify-${document.documentElement.dataset.instance}`;
  const wanted = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(kept) === "1";
  const offer = () => {
    const button = document.getElementById("notify");
    if (!button || !("Notification" in window) || Notification.permission === "denied") return;
    button.hidden = false;
    button.setAttribute("aria-pressed", String(wanted()));
  };
  part.addEventListener("click", async (event) => {
    if (!event.target.closest("#notify")) return;
    localStorage.setItem(kept, wanted() ? "0" : "1");
    if (Notification.permission === "default") await Notification.requestPermission();
    offer();
  });
  const told = () => { const run = part.querySelector(".run"); return { state: run.dataset.state, stalled: run.dataset.stalled || "", words: run.dataset.headline }; };
  let before = told();
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== part) return;
    const now = told();
    const ended = now.state !== before.state && ["succeeded", "failed"].includes(now.state);
    const stands = now.stalled && !before.stalled;
    before = now;
    offer();
    if (wanted() && (ended || stands)) new Notification(document.title, { body: ended ? now.words : now.stalled, tag: "tmc-sm-run", icon: document.getElementById("favicon").href });
  });
  offer();
  // What is waited for in silence takes time too: the time left and the bar go on without news.
  const EVERY = 15000;
  setInterval(() => { if (!document.hidden && told().state === "running") htmx.trigger(part, "refresh"); }, EVERY);
})();
