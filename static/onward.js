/* Check and continue: the next step opens once all of this one has passed, unless the person has begun something else here. */
"use strict";
(() => {
  const address = new URL(location.href), page = document.documentElement;
  if (address.searchParams.get("then") !== "continue") return;
  address.searchParams.delete("then");
  history.replaceState(history.state, "", address); // who comes back to this step stays
  const stop = () => {
    delete page.dataset.onward;
    document.removeEventListener("htmx:afterSwap", look);
  };
  const look = () => {
    const state = document.querySelector("#findings [data-step-state]").dataset.stepState;
    const next = document.querySelector(".next-action a");
    if (!["failed", "warned", "proven"].includes(state)) return;
    stop();
    if (state === "proven" && next) location.assign(next.href);
  };
  page.dataset.onward = "1";
  for (const begun of ["pointerdown", "keydown", "pagehide"]) addEventListener(begun, stop, { once: true });
  document.addEventListener("htmx:afterSwap", look);
  look();
})();
