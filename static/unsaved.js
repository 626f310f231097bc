/* Fields that hold something that is not saved: they say so, the page says so beside its findings, and leaving asks. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const OPEN = ".field[data-unsaved]";

  // typing: not sent yet; saving: on its way; refused: the server did not take it.
  const mark = (field, state) => {
    if (state) field.dataset.unsaved = state; else delete field.dataset.unsaved;
    list();
  };
  const list = () => {
    const place = $("#unsaved-fields");
    if (!place) return;
    place.replaceChildren(...$$('.field[data-unsaved="refused"]').map((field) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = `#${field.id}`;
      link.textContent = $("label, .label", field).textContent;
      item.append(link);
      return item;
    }));
  };
  const fieldOf = (element) => element.closest && element.closest(".field[hx-post]");

  let before = null; // what the field was when the focus came into it
  document.addEventListener("focusin", ({ target }) => { const field = fieldOf(target); if (field) before = field.dataset.unsaved; });
  document.addEventListener("input", ({ target }) => {
    const field = fieldOf(target);
    if (field && field.dataset.unsaved !== "refused") mark(field, "typing");
  });
  // Typed and taken back: nothing has changed, and nothing is sent.
  document.addEventListener("focusout", ({ target }) => {
    const field = fieldOf(target);
    if (field && field.dataset.unsaved === "typing") mark(field, before === "refused" ? before : "");
  });

  // Saves of one form are sent one after another: the next may depend on what the last has changed.
  document.addEventListener("htmx:trigger", ({ target }) => { if (target.matches(".field[hx-post]")) mark(target, "saving"); });
  // A save changes other fields too, but not one that holds something newer.
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    const { target, fragment } = detail;
    if (!target.matches('.field:is([data-unsaved="typing"], [data-unsaved="saving"])')) return;
    detail.shouldSwap = false;
    const seen = $("input[name$=_seen]", target), now = $(`#${seen.id}`, fragment);
    if (now) seen.value = now.value; // what has changed is this page's own doing
  });
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    const field = target.id && target.id.endsWith("-note") && fieldOf(target);
    if (!field) return;
    const refused = $("[data-problem]", target);
    mark(field, refused ? "refused" : "");
    offer(target);
  });

  // Another has saved something else meanwhile: one of the two is chosen here.
  const offer = (root) => { for (const choice of $$("[data-choice]", root)) choice.hidden = false; };
  const enter = (field, value) => {
    const radios = $$("input[type=radio]", field), other = $("[data-other]", field);
    const radio = radios.find((one) => one.value === value) || radios.at(-1);
    if (radio) radio.checked = true;
    if (radio && other) other.value = radio.value === value ? "" : value;
    if (!radio) $("input[type=text], input[type=password], textarea:not([data-theirs])", field).value = value;
  };
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-keep]");
    if (!button) return;
    const field = fieldOf(button);
    if (button.dataset.keep === "theirs") enter(field, $("[data-theirs]", field).value);
    htmx.trigger(field, "change");
  });
  const failed = ({ detail: { elt, xhr } }) => {
    if (!elt.matches(".field[hx-post]") || xhr.getResponseHeader("X-CSRF-Renewed")) return;
    const words = document.body.dataset;
    const note = $(".note", elt), box = document.createElement("div"), text = document.createElement("p");
    box.className = "problem";
    box.dataset.problem = "";
    const { status } = xhr;
    text.textContent = status === 401 ? $("#signed-out span").textContent : [403, 404].includes(status) ? words.notAllowed : words.notSaved;
    box.append(text);
    note.replaceChildren(box);
    mark(elt, "refused");
  };
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);

  // A link and a form wait for a save that is on its way: mostly there is nothing to ask then, and what the form sends
  // is not older than what the save has changed.
  let going = null;
  const go = () => { const act = going; going = null; if (act) act(); };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.target || link.hasAttribute("download")) return;
    if (link.getAttribute("href").startsWith("#") || !$('.field[data-unsaved="saving"]')) return;
    event.preventDefault();
    going = going || (() => link.click()); // the first that was pressed: a form that waits is not lost
  }, true);
  document.addEventListener("htmx:afterRequest", () => setTimeout(() => { if (!$('.field[data-unsaved="saving"]')) go(); }, 50));

  // A form takes its own fields with it.
  let sent = null;
  document.addEventListener("submit", (event) => {
    const { target, submitter } = event;
    if (event.defaultPrevented) return;
    if (!$('.field[data-unsaved="saving"]', target)) { sent = target; return; }
    event.preventDefault();
    going = going || (() => target.requestSubmit(submitter));
  });
  addEventListener("pageshow", () => { sent = null; list(); });
  addEventListener("beforeunload", (event) => {
    if ($$(OPEN).some((field) => !sent || !sent.contains(field))) event.preventDefault();
    sent = null;
  });
  list();
  offer(document);
})();
