// Live pages. The htmx SSE extension keeps the connection; this script puts
// the rows of a frame in their places. A frame holds the whole present state of
// what changed, so a lost, doubled or late one does no harm.
(function () {
  "use strict";

  var SILENCE = 40000; // ms without a beat: the connection is dead even if the browser does not know
  var ANNOUNCE = 5000; // ms between two announcements of the balance
  var held = new Map(); // rows that wait behind "3 new"
  var bands = new Map(); // day -> heading of a day that is not shown yet
  var lastHeard = Date.now();
  var announced = 0, announcing = null;

  var byId = function (id) { return document.getElementById(id); };
  var ledger = function () { return byId("ledger"); };

  function badge(state) {
    var element = byId("badge");
    if (!element || element.dataset.state === state) return;
    element.dataset.state = state;
    element.querySelector(".badge-word").textContent =
      { live: "Live", reconnecting: "Reconnecting…", paused: "Paused" }[state];
  }

  // Somebody reads or works in the list: new rows must not push it away.
  function busy() {
    var active = document.activeElement;
    return window.scrollY > 120 || !!(active && active.closest && active.closest("#ledger .row"));
  }

  function replace(old, fresh) {
    var focused = old.contains(document.activeElement), id = focused && document.activeElement.id;
    old.replaceWith(fresh);
    window.htmx.process(fresh);
    if (!focused) return;
    var target = id && fresh.querySelector("#" + CSS.escape(id)) || fresh.querySelector("a, button, input, summary");
    if (target) target.focus({ preventScroll: true });
  }

  // ---- rows of the inbox

  function rowsOf(table) { return Array.from(table.querySelectorAll(".row[data-key]")); }

  function belongs(row, table) {
    if (!row.hasAttribute("data-match")) return false;
    var more = byId("more");
    if (!more || !more.hasAttribute("href")) return true;
    var rows = rowsOf(table);
    return rows.length === 0 || row.dataset.key > rows[rows.length - 1].dataset.key;
  }

  function bodyOf(table, day) {
    var bodies = Array.from(table.tBodies);
    var same = bodies.filter(function (b) { return b.dataset.day === day; });
    if (same.length) return same[same.length - 1];
    var body = document.createElement("tbody");
    body.setAttribute("role", "rowgroup");
    body.dataset.day = day;
    if (bands.has(day)) body.append(bands.get(day));
    bands.delete(day);
    var older = bodies.find(function (b) { return b.dataset.day < day; });
    table.insertBefore(body, older || null);
    return body;
  }

  function insert(row) {
    var table = ledger();
    table.classList.remove("ledger-empty"); // its lines are for looking at
    table.querySelectorAll("[data-placeholder]").forEach(function (p) { p.remove(); });
    document.querySelectorAll(".nothing").forEach(function (p) { p.remove(); });
    var older = rowsOf(table).find(function (r) { return r.dataset.key < row.dataset.key; });
    row.classList.add("row-arrived");
    if (older && older.dataset.day === row.dataset.day) older.before(row);
    else bodyOf(table, row.dataset.day).append(row);
    window.htmx.process(row);
  }

  function remove(row) {
    var body = row.parentElement, band = body && body.querySelector(".band");
    row.remove();
    if (!body || body.querySelector(".row")) return;
    if (band) bands.set(band.dataset.band, band); // what takes the row's place stands under it again
    body.remove();
  }

  function placeRow(row) {
    var shown = byId(row.id);
    var present = shown || held.get(row.id);
    if (present && Number(present.dataset.seq) > Number(row.dataset.seq)) return; // a late frame
    if (row.hasAttribute("data-gone")) {
      held.delete(row.id);
      if (shown) remove(shown);
    } else if (shown) {
      replace(shown, row);
    } else if (held.has(row.id)) {
      held.set(row.id, row);
    } else if (ledger() && belongs(row, ledger())) {
      if (busy()) held.set(row.id, row); else insert(row);
    }
  }

  function showFresh() {
    var button = byId("fresh");
    if (!button) return;
    button.hidden = held.size === 0;
    button.querySelector("span").textContent = held.size + " new";
  }

  function release() {
    held.forEach(insert);
    held.clear();
    showFresh();
  }

  function placeBand(band) {
    var shown = byId(band.id);
    if (shown) shown.replaceWith(band); else bands.set(band.dataset.band, band);
  }

  // ---- parts of a page

  var waiting = new Map(); // parts that wait until the person has left an input in them

  function placePart(part) {
    var shown = byId(part.id);
    if (!shown) return;
    if (Number(part.dataset.seq) < Number(shown.dataset.seq)) return; // a late frame
    if (part.dataset.version && part.dataset.version === shown.dataset.version) return;
    if (inUse(shown)) {
      waiting.set(part.id, part);
      return;
    }
    waiting.delete(part.id);
    keepOpen(shown, part);
    replace(shown, part);
    if (part.id === "balance") announce();
  }

  // Somebody types in it, has typed in it, or has a menu of it open.
  function inUse(part) {
    var active = document.activeElement, input = part.querySelector("#field-input");
    if (input && input.value !== input.defaultValue) return true;
    return part.contains(active) && (active.tagName === "INPUT" || !!active.closest("details.menu[open]"));
  }

  // What a person unfolded stays unfolded.
  function keepOpen(old, fresh) {
    old.querySelectorAll("details[data-keep]").forEach(function (d) {
      var same = fresh.querySelector('[data-keep="' + CSS.escape(d.dataset.keep) + '"]');
      if (same) same.open = d.open;
    });
    if (old.querySelector("details[data-keep]")) return;
    var before = old.querySelectorAll("details"), after = fresh.querySelectorAll("details");
    if (before.length !== after.length) return;
    before.forEach(function (d, i) { after[i].open = d.open; });
  }

  document.addEventListener("focusout", function () {
    setTimeout(function () { Array.from(waiting.values()).forEach(placePart); }, 0);
  });

  function announce() {
    var region = byId("announce");
    if (!region || announcing) return;
    announcing = setTimeout(function () {
      announcing = null;
      announced = Date.now();
      var text = byId("balance") ? byId("balance").innerText.replace(/\s+/g, " ") : "";
      if (region.textContent !== text) region.textContent = text;
    }, Math.max(0, announced + ANNOUNCE - Date.now()));
  }

  function show(html) {
    var template = document.createElement("template");
    template.innerHTML = html;
    var all = function (selector) { return Array.from(template.content.querySelectorAll(selector)); };
    all("tr[data-band]").forEach(placeBand);
    all("tr[data-key]").forEach(placeRow);
    all("[data-live]").forEach(placePart);
    bands.clear();
    showFresh();
  }

  // ---- the connection

  function remember(id) {
    var live = byId("live");
    if (!live || !id) return;
    var url = new URL(live.getAttribute("sse-connect"), location.href);
    url.searchParams.set("since", id);
    live.setAttribute("sse-connect", url.pathname + url.search);
  }

  var source = null;

  document.addEventListener("htmx:sseOpen", function (event) {
    source = event.detail.source;
    lastHeard = Date.now();
  });
  document.addEventListener("htmx:sseError", function () { badge("reconnecting"); });
  document.addEventListener("htmx:sseBeforeMessage", function (event) {
    event.preventDefault(); // placed here, not swapped
    var message = event.detail;
    lastHeard = Date.now();
    remember(message.lastEventId);
    if (message.type === "state") badge(message.data);
    if (message.type === "frame") show(message.data);
    if (message.type === "stale") location.reload();
  });

  var paused = false;

  function pause() {
    if (!source) return;
    paused = true;
    source.close();
    badge("paused");
  }

  function reconnect() {
    var live = byId("live");
    if (!live || !window.htmx) return;
    if (source) source.close();
    badge("reconnecting");
    lastHeard = Date.now();
    var fresh = live.cloneNode(true);
    live.replaceWith(fresh);
    window.htmx.process(fresh);
  }

  setInterval(function () {
    if (byId("live") && !paused && Date.now() - lastHeard > SILENCE) reconnect();
  }, 5000);
  window.addEventListener("online", reconnect);

  // A tab that nobody sees gives its connection back: browsers have only six of them for one server.
  var UNSEEN = 60000, hiding = null;
  document.addEventListener("visibilitychange", function () {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(pause, UNSEEN);
    else if (paused) { paused = false; reconnect(); }
  });
  window.addEventListener("offline", function () { badge("reconnecting"); });
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });

  // ---- new rows that wait

  document.addEventListener("click", function (event) {
    if (!event.target.closest("#fresh")) return;
    if (document.activeElement) document.activeElement.blur();
    release();
    window.scrollTo({ top: 0 });
  });
  window.addEventListener("scroll", function () {
    if (held.size && !busy()) release();
  }, { passive: true });

  // ---- countdowns

  function clock(seconds) {
    var two = function (n) { return String(n).padStart(2, "0"); };
    var h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60, s = seconds % 60;
    return h ? h + ":" + two(m) + ":" + two(s) : m + ":" + two(s);
  }

  setInterval(function () {
    document.querySelectorAll("time.countdown").forEach(function (t) {
      var left = Math.round((Date.parse(t.dateTime) - Date.now()) / 1000);
      t.textContent = clock(Math.max(0, left));
    });
  }, 1000);
})();
