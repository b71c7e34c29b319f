// Refines the upload form: drag and drop, paste, the live unit estimate, and one request per file with its progress.
// Without script the form sends everything at once and the server shows the same results.
(() => {
  const form = document.getElementById("upload-form");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const zone = document.getElementById("drop-zone");
  const chosenList = document.getElementById("chosen");
  const estimate = document.getElementById("estimate");
  const results = document.getElementById("results");
  const resultsPanel = document.getElementById("results-panel");
  const submit = form.querySelector("button[type=submit]");
  const says = document.getElementById("says");
  const row = document.getElementById("progress-row");
  let files = [];

  const readable = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);

  function add(more) {
    const known = new Set(files.map((file) => `${file.name}/${file.size}/${file.lastModified}`));
    for (const file of more) if (!known.has(`${file.name}/${file.size}/${file.lastModified}`)) files.push(file);
    show();
  }

  function show() {
    chosenList.replaceChildren(
      ...files.map((file, index) => {
        const item = document.createElement("li");
        const name = document.createElement("span");
        name.className = "grow truncate";
        name.textContent = file.name;
        const size = document.createElement("span");
        size.className = "subtle";
        size.textContent = readable(file.size);
        const remove = document.createElement("button");
        remove.type = "button";
        remove.className = "link-button";
        remove.textContent = "Remove";
        remove.setAttribute("aria-label", `Remove ${file.name}`);
        remove.addEventListener("click", () => {
          files.splice(index, 1);
          show();
        });
        item.append(name, size, remove);
        return item;
      }),
    );
    count();
  }

  function count() {
    const per = [...form.querySelectorAll("[data-units]:checked")].reduce((sum, box) => sum + Number(box.dataset.units), 0);
    const left = Number(estimate.dataset.left);
    const total = per * files.length;
    estimate.querySelector("[data-files]").textContent = String(files.length);
    estimate.querySelector("[data-per]").textContent = String(per);
    estimate.querySelector("[data-total]").textContent = String(total);
    estimate.querySelector("[data-after]").textContent = String(left - total);
    estimate.classList.toggle("too-much", total > left);
    submit.textContent = files.length === 1 ? "Upload 1 file" : files.length ? `Upload ${files.length} files` : "Upload";
    submit.disabled = files.length === 0;
  }

  function send(file) {
    const line = row.content.firstElementChild.cloneNode(true);
    const bar = line.querySelector("progress");
    line.querySelector("[data-name]").textContent = file.name;
    bar.setAttribute("aria-label", `Progress of ${file.name}`);
    results.append(line);
    const data = new FormData(form);
    data.delete(input.name);
    data.append(input.name, file, file.name);
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("HX-Request", "true");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) bar.value = (event.loaded / event.total) * 100;
      });
      request.addEventListener("loadend", () => {
        const rows = document.createElement("template");
        rows.innerHTML = request.responseText;
        const answer = rows.content.querySelector("[data-result]");
        if (answer && request.status < 500) {
          line.replaceWith(answer);
          estimate.dataset.left = answer.dataset.left;
          estimate.querySelector("[data-now]").textContent = answer.dataset.left;
          window.htmx.process(answer);
        } else {
          line.querySelector("[data-status]").textContent =
            request.status === 409
              ? "Not uploaded: you do not work for this account any more. Load the page again."
              : request.status
                ? `Not uploaded: the server answered ${request.status}.`
                : "Not uploaded: the connection was lost.";
          bar.hidden = true;
        }
        done(Boolean(answer) && !answer.hasAttribute("data-refused"));
      });
      request.send(data);
    });
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const queue = files;
    files = [];
    show();
    submit.disabled = true;
    resultsPanel.hidden = false;
    let good = 0;
    const all = queue.length;
    const lanes = [0, 1, 2].map(async () => {
      while (queue.length) {
        const taken = await send(queue.shift());
        good += Number(taken);
      }
    });
    await Promise.all(lanes);
    says.textContent = `${good} of ${all} files uploaded.`;
    count();
    input.value = "";
  });
  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  form.addEventListener("change", count);
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) add(event.clipboardData.files);
  });
  input.required = false;
  show();
})();
