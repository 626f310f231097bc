/* The log of a run: copying it, and saying when a search finds nothing. What follows and filters it is in app.js. */
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
})();
