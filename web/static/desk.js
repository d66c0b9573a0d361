// Copy buttons, keys, menus and messages. Everything here has a way without it.
(function () {
  "use strict";

  var root = document.documentElement;
  root.classList.add("scripted");

  // ---- messages

  function toast(text) {
    var box = document.getElementById("toasts");
    if (!box) return;
    var message = document.createElement("div"), timer;
    message.className = "toast";
    message.textContent = text;
    box.append(message);
    var go = function () { timer = setTimeout(function () { message.remove(); }, 10000); };
    message.addEventListener("mouseenter", function () { clearTimeout(timer); });
    message.addEventListener("mouseleave", go);
    go();
  }

  document.addEventListener("htmx:responseError", function (event) {
    var text = "This did not work. Nothing was changed.";
    try {
      var problem = JSON.parse(event.detail.xhr.responseText);
      text = problem.title + ". " + (problem.detail || "") + (problem.reference ? " (ref " + problem.reference + ")" : "");
    } catch (e) { /* the sentence above is true as well */ }
    toast(text);
  });
  document.addEventListener("htmx:sendError", function () {
    toast("The server did not answer. Nothing was changed; try again in a moment.");
  });

  // The pages are drawn again only when they look different.
  document.addEventListener("htmx:oobBeforeSwap", function (event) {
    var old = event.detail.target, fresh = event.detail.fragment.firstElementChild || event.detail.fragment;
    if (old.dataset.version && fresh.dataset && fresh.dataset.version === old.dataset.version) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.detail.target && event.detail.target.id === "panel" && !matchMedia("(pointer: coarse)").matches) focusField();
  });

  // ---- copy

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) return;
    copy(button.dataset.copy).then(
      function () { toast("Copied " + button.dataset.copy); },
      function () { toast("The browser did not allow copying. Select the address instead."); });
  });

  function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    var area = document.createElement("textarea"); // pages without https have no clipboard
    area.value = text;
    document.body.append(area);
    area.select();
    var copied = document.execCommand("copy");
    area.remove();
    return copied ? Promise.resolve() : Promise.reject();
  }

  // ---- menus close when something else is pressed

  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // ---- fields

  function focusField() {
    var input = document.getElementById("field-input");
    if (!input) return false;
    input.focus({ preventScroll: true });
    input.select();
    return true;
  }

  function nextWeak() {
    var weak = document.querySelector("#panel .field-active ~ .field [data-weak]") || document.querySelector("#panel [data-weak]");
    if (weak) weak.click(); else focusField();
  }

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-next-weak]")) nextWeak();
  });

  function undoLast() {
    var edits = Array.from(document.querySelectorAll("[data-edited]"));
    edits.sort(function (a, b) { return a.dataset.edited < b.dataset.edited ? 1 : -1; });
    if (edits[0]) edits[0].click(); else press("z");
  }

  function edit() {
    if (focusField()) return;
    var field = document.querySelector("#panel .field-value a");
    if (field) field.click();
  }

  // ---- keys

  function step(by) {
    var links = Array.from(document.querySelectorAll("#ledger .cell-who > a, [data-step]"));
    if (!links.length) return press(by > 0 ? "j" : "k");
    var at = links.indexOf(document.activeElement);
    var link = links[Math.min(links.length - 1, Math.max(0, at + by))];
    link.focus();
    link.closest(".row, .group").scrollIntoView({ block: "nearest" });
  }

  function press(key) {
    var selector = '[data-key-press="' + CSS.escape(key) + '"]', group = document.activeElement.closest(".group");
    var element = group && group.querySelector(selector) || document.querySelector(selector);
    if (element) element.click();
    return !!element;
  }

  function search() {
    var input = document.getElementById("search");
    if (input) input.focus();
  }

  function help() {
    var dialog = document.getElementById("keys");
    if (dialog && !dialog.open) dialog.showModal();
  }

  var going = 0;

  function go(key) {
    var path = { i: "/", r: "/review", f: "/failures", m: "/mails" }[key];
    if (path) location.assign(path);
  }

  function act(key) {
    switch (key) {
      case "j": return step(1);
      case "k": return step(-1);
      case "o": if (document.activeElement.matches("#ledger a, [data-step]")) document.activeElement.click(); return;
      case "/": return search();
      case "?": return help();
      case "e": return edit();
      case "z": return undoLast();
      case "g": going = Date.now(); return;
      case "Enter": return nextWeak();
      default: press(key);
    }
  }

  var taken = ""; // the key that is down, when it was an order

  document.addEventListener("keydown", function (event) {
    taken = "";
    if (root.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    var target = event.target;
    if (target.closest("dialog[open]")) return;
    if (target.matches("input, textarea, select")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (event.key === "Enter" && (target.closest("a, button, summary") || !document.getElementById("panel"))) return;
    if (event.key.length > 1 && event.key !== "Enter") return;
    if (Date.now() - going < 1500) {
      going = 0;
      go(event.key);
      return;
    }
    if (event.key === "/" || event.key === "e") {
      event.preventDefault(); // not into the field that gets the focus
      taken = event.key;
    }
    act(event.key);
  });

  // Chromium may deliver the letter of a prevented key after all, when the answer of
  // the server moved the focus between the two.
  document.addEventListener("keypress", function (event) {
    if (event.key === taken) event.preventDefault();
  });
})();
