/* Small helps on top of pages that work without them: copying, times, live parts that leave people alone, the log. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const lang = document.documentElement.lang;

  // Times: how long ago, or how long since, in the reader's language. The server writes the moment itself.
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  const ago = (seconds) => {
    for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
      if (seconds >= size) return relative.format(-Math.floor(seconds / size), unit);
    }
    return relative.format(-Math.max(0, Math.floor(seconds / 10) * 10), "second");
  };
  const clock = (seconds) => {
    const s = Math.max(0, Math.floor(seconds));
    const two = (n) => String(n).padStart(2, "0");
    const [hour, minute, second] = lang.startsWith("zh") ? [" 小时 ", " 分 ", " 秒"] : [" h ", " min ", " s"];
    if (s < 60) return `${s}${second}`;
    return s < 3600 ? `${Math.floor(s / 60)}${minute}${two(s % 60)}${second}` : `${Math.floor(s / 3600)}${hour}${two(Math.floor((s % 3600) / 60))}${minute.trimEnd()}`;
  };
  const tellTimes = () => {
    for (const time of $$("time[data-time]")) {
      const kind = time.dataset.time;
      if (kind === "at") continue;
      const moment = new Date(time.dateTime);
      const seconds = (Date.now() - moment) / 1000;
      const words = kind === "since" ? clock(seconds) : ago(seconds);
      if (time.textContent !== words) {
        time.textContent = words;
        time.title = moment.toLocaleString(lang);
      }
    }
  };
  setInterval(tellTimes, 1000);

  // Copy buttons appear where copying works.
  const offerCopy = (root) => {
    for (const button of $$("[data-copy]", root)) button.hidden = !navigator.clipboard && !document.execCommand;
  };
  const copy = async (button) => {
    const text = $("code", button.parentElement).textContent;
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else {
      getSelection().selectAllChildren($("code", button.parentElement));
      document.execCommand("copy");
    }
    const label = $("span", button);
    const before = label.textContent;
    label.textContent = document.body.dataset.copied;
    announce(document.body.dataset.copied);
    setTimeout(() => { label.textContent = before; }, 2000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    const menu = $(".menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = $(".menu[open]");
    if (event.key === "Escape" && menu) { menu.open = false; $("summary", menu).focus(); }
  });

  // What is typed once is shown on request.
  for (const button of $$("[data-reveal]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const field = document.getElementById(button.dataset.reveal);
      const shown = field.type === "text";
      field.type = shown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!shown));
    });
  }

  const announce = (words) => { const place = $("#announce"); if (place && place.textContent !== words) place.textContent = words; };

  // Live parts: not sent when unchanged, not swapped under somebody's hands, and open parts stay open.
  const busyIn = (part) => {
    if (part.closest(".field[data-unsaved]")) return true;
    const active = document.activeElement;
    if (active && part.contains(active) && active.matches("input, textarea, select")) return true;
    const selection = getSelection();
    return !selection.isCollapsed && selection.rangeCount > 0 && part.contains(selection.anchorNode);
  };
  document.addEventListener("htmx:configRequest", (event) => {
    const part = event.detail.elt;
    if (part.classList.contains("live") && part.dataset.etag) event.detail.headers["If-None-Match"] = `"${part.dataset.etag}"`;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr } = event.detail;
    if (!target.classList.contains("live") || !event.detail.shouldSwap) return;
    if (busyIn(target)) { event.detail.shouldSwap = false; target.dataset.waits = "1"; return; }
    target.dataset.etag = (xhr.getResponseHeader("ETag") || "").replace(/^W\/|"/g, "");
    target.keptOpen = new Map($$("details[id]", target).map((part) => [part.id, part.open]));
    target.keptScroll = $$("[data-scroll]", target).map((part) => [part.id, part.scrollTop, part.scrollLeft]);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const { target } = event.detail;
    for (const part of $$("details[id]", target)) {
      if (target.keptOpen && target.keptOpen.has(part.id)) part.open = target.keptOpen.get(part.id);
    }
    for (const [id, top, left] of target.keptScroll || []) {
      const part = document.getElementById(id);
      if (part) { part.scrollTop = top; part.scrollLeft = left; }
    }
    settle(target);
  });
  const catchUp = () => {
    for (const part of $$(".live[data-waits]")) {
      if (!busyIn(part)) { delete part.dataset.waits; htmx.trigger(part, "refresh"); }
    }
  };
  document.addEventListener("focusout", () => setTimeout(catchUp, 50));
  document.addEventListener("htmx:afterRequest", () => setTimeout(catchUp, 50));
  document.addEventListener("selectionchange", () => { if (getSelection().isCollapsed) catchUp(); });

  // Who only reads finds nothing to press; the server refuses it anyway.
  const lock = () => {
    for (const control of $$("[data-read-only] form[method=post] :is(input, select, textarea, button), [data-read-only] button[hx-post]")) control.disabled = true;
  };

  // What a fresh part asks of the page around it.
  const settle = (root) => {
    lock();
    offerCopy(root);
    tellTimes();
    const said = $("[data-announce]", root);
    if (said) announce(said.textContent.trim());
    const run = $("[data-tab-title]", root);
    if (run) {
      document.title = run.dataset.tabTitle;
      const favicon = $("#favicon");
      const wanted = `${favicon.dataset.base}-${run.dataset.favicon}.svg`;
      if (!favicon.href.endsWith(wanted)) favicon.href = wanted;
    }
    if (root.id && root.id.endsWith("-note")) {
      const control = document.getElementById(root.id.slice(0, -5));
      if (control) control.setAttribute("aria-invalid", String(Boolean($("[data-problem]", root))));
    }
  };

  // Forms: refuse a large file before it is sent; typing beside "another one" chooses it.
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches("input[type=file][data-limit]")) return;
    const file = input.files[0];
    if (!file || file.size <= Number(input.dataset.limit)) return;
    event.stopImmediatePropagation();
    const note = $(".note", input.closest(".field"));
    note.innerHTML = '<div class="problem" data-problem><div><p></p><p class="problem-value"><code></code></p></div></div>';
    $("p", note).textContent = document.body.dataset.tooLarge;
    $("code", note).textContent = `${file.name}, ${(file.size / 1048576).toFixed(1)} MiB`;
    input.value = "";
  }, true);
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-other]")) $("input[type=radio]", event.target.closest(".option")).checked = true;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const { target } = event.detail;
    if (target && target.id && target.id.endsWith("-note") && $("[data-saved]", target)) {
      const file = $("input[type=file]", target.closest(".field"));
      if (file) file.value = "";
    }
  });

  // The log: append what comes after the cursor, never twice, and follow its end while nobody scrolls up.
  const log = $("#log");
  if (log) {
    const lines = $("#log-lines"), follow = $("#log-follow"), search = $("#log-search");
    let cursor = Number(log.dataset.after), busy = false, again = false, paused = false, retry = 0;
    const toEnd = () => { if (!paused) log.scrollTop = log.scrollHeight; };
    const matches = (line) => !search.value || line.textContent.toLowerCase().includes(search.value.toLowerCase());
    const pull = async () => {
      if (busy) { again = true; return; }
      busy = true;
      try {
        do {
          again = false;
          const reply = await fetch(`${log.dataset.url}?after=${cursor}`, { headers: { "HX-Request": "true" } });
          if (reply.status >= 500) throw reply;
          if (reply.status !== 200) break;
          const page = document.createElement("template");
          page.innerHTML = await reply.text();
          for (const line of $$("li", page.content)) {
            if (Number(line.dataset.seq) <= cursor) continue;
            cursor = Number(line.dataset.seq);
            line.hidden = !matches(line);
            lines.append(line);
          }
          again = again || reply.headers.get("X-Log-More") === "1";
          toEnd();
        } while (again);
      } catch { clearTimeout(retry); retry = setTimeout(pull, 3000); } finally { busy = false; }
    };
    log.addEventListener("refresh", pull);
    log.addEventListener("scroll", () => {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
      if (!atEnd && !paused) setPaused(true);
      else if (atEnd && paused && follow.dataset.by !== "button") setPaused(false);
    });
    const setPaused = (value, by = "") => {
      paused = value;
      follow.dataset.by = by;
      follow.setAttribute("aria-pressed", String(!paused));
      if (!paused) toEnd();
    };
    follow.hidden = false;
    follow.addEventListener("click", () => setPaused(!paused, "button"));
    search.closest("label").hidden = false;
    search.addEventListener("input", () => { for (const line of lines.children) line.hidden = !matches(line); });
    toEnd();
    if (log.dataset.final !== "1") pull();
  }

  offerCopy(document);
  tellTimes();
  settle(document);
})();
