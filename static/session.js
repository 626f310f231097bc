/* Whatever happens to the session, the page stays as it is: signing in again is a dialog, a renewed token is used at once,
   and what could not be sent is sent then. Nothing of it is stored: what was typed is in the page alone. */
"use strict";
(() => {
  const { instance } = document.documentElement.dataset;
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Every sign-in, in any tab, makes a new token; the cookie has the one that counts.
  const token = () => (document.cookie.match(`(?:^|; )csrf-${instance}=([^;]+)`) || [])[1];
  const renew = (form) => {
    const field = $("input[name=csrfmiddlewaretoken]", form);
    if (field && token()) field.value = token();
  };
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (!token()) return;
    detail.headers["X-CSRFToken"] = token();
    if ("csrfmiddlewaretoken" in detail.parameters) detail.parameters.csrfmiddlewaretoken = token();
  });

  const dialog = $("#sign-in-again");
  if (!dialog) {
    document.addEventListener("submit", (event) => renew(event.target), true);
    return;
  }
  const address = dialog.dataset.url;
  const channel = `session-${instance}`;
  const unsent = new Map(); // element: what made it send
  const again = new WeakSet(); // elements whose request is being repeated with a new token
  let ended = false, held = null, asking = false, listener = null, typed = 0, waits = 0;

  // The dialog takes the focus: not while somebody types, whose next words would go into it.
  const PAUSE = 1000;
  document.addEventListener("input", ({ target }) => { if (!dialog.contains(target)) typed = Date.now(); });

  // A signed-in page tells the other tabs, in which somebody may wait to be signed in.
  const tell = () => { const to = new BroadcastChannel(channel); to.postMessage("signed in"); to.close(); };

  const ask = (html) => {
    ended = true;
    if (!listener) {
      listener = new BroadcastChannel(channel);
      listener.onmessage = () => look();
    }
    $("#signed-out").hidden = false;
    clearTimeout(waits);
    open(html);
  };

  const open = (html) => {
    if (!ended || dialog.open) return;
    const left = typed + PAUSE - Date.now();
    if (left > 0) { waits = setTimeout(open, left, html); return; }
    dialog.innerHTML = html;
    const name = $("[name=name]", dialog);
    if (!name.value) name.value = document.body.dataset.person;
    dialog.showModal();
    $("[name=password]", dialog).focus();
  };

  const request = (options = {}) => fetch(address, { ...options, headers: { "HX-Request": "true", ...options.headers }, signal: AbortSignal.timeout(15000) });

  /** Whether somebody is signed in; null when that cannot be known now. Opens the dialog when nobody is. */
  const look = async () => {
    let reply;
    try { reply = await request(); } catch { return null; }
    if (reply.status === 204) { back(reply); return true; }
    if (reply.status !== 200) return null;
    ask(await reply.text());
    return false;
  };

  const back = (reply) => {
    const person = decodeURIComponent(reply.headers.get("X-Person") || "");
    if (person && person !== document.body.dataset.person) {
      document.body.dataset.person = person;
      $(".menu summary span").textContent = person;
    }
    if (!ended) return;
    ended = false;
    if (listener) { listener.close(); listener = null; }
    $("#signed-out").hidden = true;
    if (dialog.open) dialog.close();
    for (const [element, kind] of [...unsent]) repeat(element, kind);
    unsent.clear();
    for (const part of $$(".live, #log")) htmx.trigger(part, "refresh");
    if (held) send(held);
  };

  const repeat = (element, kind) => { if (element.isConnected) htmx.trigger(element, kind); };

  document.addEventListener("htmx:responseError", ({ detail }) => {
    const { elt, xhr, requestConfig } = detail;
    const kind = requestConfig.triggeringEvent ? requestConfig.triggeringEvent.type : "refresh";
    if (xhr.status === 401) {
      if (requestConfig.verb !== "get") unsent.set(elt, kind);
      ask(xhr.responseText);
    } else if (xhr.status === 403 && xhr.getResponseHeader("X-CSRF-Renewed") && !again.has(elt)) {
      again.add(elt);
      repeat(elt, kind);
    }
  });
  document.addEventListener("htmx:afterOnLoad", ({ detail }) => { if (detail.xhr.status < 400) again.delete(detail.elt); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (ended && event.detail.requestConfig.verb === "get") event.preventDefault();
  });
  // No part is exchanged while a form in it may be about to be sent.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!asking || !detail.target.classList.contains("live")) return;
    detail.shouldSwap = false;
    detail.target.dataset.waits = "1";
  });

  // A form that leaves the page takes what was typed with it: first see that it will be taken.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (dialog.contains(form)) { event.preventDefault(); signIn(form); return; }
    renew(form);
    if (form.getAttribute("method") !== "post" || form.hasAttribute("hx-post") || !form.closest("main")) return;
    if (held && held.sure) return;
    event.preventDefault();
    if (asking) return;
    held = { form, by: event.submitter, sure: false };
    check();
  }, true);

  const check = async () => {
    asking = true;
    const signedIn = await look();
    asking = false;
    if (signedIn) { if (held) send(held); return; }
    if (signedIn === null) { held = null; $("#connection").hidden = false; }
  };

  const send = ({ form, by }) => {
    held = { form, by, sure: true };
    renew(form);
    if (by && by.isConnected) form.requestSubmit(by); else form.requestSubmit();
    held = null;
  };

  const signIn = async (form, renewed = false) => {
    const button = $("button", form);
    button.disabled = true;
    const sent = new URLSearchParams(new FormData(form));
    sent.delete("csrfmiddlewaretoken");
    try {
      const reply = await request({ method: "POST", body: sent, headers: { "X-CSRFToken": token() || "" } });
      if (reply.status === 204) { tell(); back(reply); return; }
      if (reply.headers.get("X-CSRF-Renewed") && !renewed) { signIn(form, true); return; }
      dialog.innerHTML = await reply.text();
      $("[name=password]", dialog).focus();
    } catch {
      button.disabled = false;
      $("#connection").hidden = false;
    }
  };

  dialog.addEventListener("click", (event) => { if (event.target.closest("[data-later]")) dialog.close(); });
  dialog.addEventListener("close", () => { dialog.replaceChildren(); if (ended) held = null; });
  $("#signed-out button").addEventListener("click", look);
  addEventListener("focus", () => { if (ended) look(); });
  document.addEventListener("visibilitychange", () => { if (ended && !document.hidden) look(); });
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  tell();
})();
