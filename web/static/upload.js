// Choosing and dropping files, one request each, with progress. Without this
// script the forms send the files themselves.
(function () {
  "use strict";

  var panel = function () { return document.getElementById("uploads"); };
  var zone = function () { return document.getElementById("dropzone"); };
  var sheet = function () { return document.querySelector("[data-dropzone]"); };
  var queue = [], running = 0, PARALLEL = 3, LINGER = 6000;

  function line(file) {
    var item = document.createElement("li");
    var name = document.createElement("span"), state = document.createElement("span"), bar = document.createElement("progress");
    name.textContent = file.name;
    state.textContent = "waits";
    bar.max = 1;
    bar.value = 0;
    item.append(name, state, bar);
    panel().append(item);
    panel().hidden = false;
    return { item: item, state: state, bar: bar };
  }

  function done(shown) {
    shown.state.textContent = "Received";
    shown.bar.remove();
    setTimeout(function () { drop(shown.item); }, LINGER);
  }

  function refused(shown, sentence) {
    var reason = document.createElement("span"), close = document.createElement("button");
    reason.className = "refused";
    reason.textContent = sentence;
    close.className = "link";
    close.type = "button";
    close.textContent = "Dismiss";
    close.addEventListener("click", function () { drop(shown.item); });
    shown.state.replaceChildren(close);
    shown.bar.replaceWith(reason);
  }

  function drop(item) {
    item.remove();
    panel().hidden = panel().children.length === 0;
  }

  function explain(request, name) {
    try {
      var problem = JSON.parse(request.responseText), refusal = problem.refused && problem.refused[0];
      if (refusal) return refusal.indexOf(name + ": ") === 0 ? refusal.slice(name.length + 2) : refusal;
      return problem.title + ". " + (problem.detail || "");
    } catch (e) {
      return "The server did not answer. The file was not taken; try again.";
    }
  }

  function send(job) {
    var request = new XMLHttpRequest(), form = new FormData();
    form.append("file", job.file, job.file.name);
    request.open("POST", "/upload");
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", function (event) {
      if (!event.lengthComputable) return;
      job.shown.bar.value = event.loaded / event.total;
      job.shown.state.textContent = Math.floor(100 * event.loaded / event.total) + " %";
    });
    request.addEventListener("loadend", function () {
      running--;
      if (request.status === 201) done(job.shown); else refused(job.shown, explain(request, job.file.name));
      next();
    });
    request.send(form);
  }

  function next() {
    while (running < PARALLEL && queue.length) {
      running++;
      send(queue.shift());
    }
  }

  function take(files) {
    var limit = sheet() ? Number(sheet().dataset.dropzone) : 0;
    Array.from(files).forEach(function (file) {
      var shown = line(file);
      if (limit && file.size > limit) {
        refused(shown, "Larger than " + Math.floor(limit / 1048576) + " MB. It was not sent.");
        return;
      }
      queue.push({ file: file, shown: shown });
    });
    next();
  }

  document.addEventListener("change", function (event) {
    var input = event.target;
    if (input.type !== "file" || !input.closest("[data-upload]") || !panel()) return;
    take(input.files);
    input.value = "";
  });

  var inside = 0;

  function carriesFiles(event) {
    return sheet() && event.dataTransfer && Array.from(event.dataTransfer.types).indexOf("Files") >= 0;
  }

  document.addEventListener("dragenter", function (event) {
    if (!carriesFiles(event)) return;
    inside++;
    var n = event.dataTransfer.items ? event.dataTransfer.items.length : 0;
    zone().querySelector("b").textContent = n ? "Drop " + n + (n === 1 ? " file" : " files") : "Drop files";
    zone().hidden = false;
  });
  document.addEventListener("dragleave", function (event) {
    if (!carriesFiles(event)) return;
    inside = Math.max(0, inside - 1);
    zone().hidden = inside === 0;
  });
  document.addEventListener("dragover", function (event) { if (carriesFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", function (event) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    inside = 0;
    zone().hidden = true;
    take(event.dataTransfer.files);
  });
})();
