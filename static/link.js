/* A sign-in link: its code stands behind the "#", which no server is sent. It is taken from there into the form, and out of the address and the history. */
"use strict";
(() => {
  const form = document.getElementById("link-form");
  if (!form) return;
  const take = () => {
    const code = location.hash.slice(1);
    if (!code) return;
    history.replaceState(null, "", location.pathname + location.search);
    document.getElementById("code").value = code;
    for (const part of form.querySelectorAll("[data-by-hand]")) part.hidden = true;
    form.querySelector("button").focus();
  };
  addEventListener("hashchange", take);
  take();
})();
