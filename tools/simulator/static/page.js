// Keeps the page true without reloading it: sends forms in the background, and swaps in the parts that have news.
"use strict";

const toast = document.getElementById("toast");
let toastTimer;

function complain(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 6000);
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = event.submitter;
  const content = new FormData(form);
  if (button && button.name) content.set(button.name, button.value);
  const action = button && button.hasAttribute("formaction") ? button.formAction : form.action;
  try {
    const answer = await fetch(action, {
      method: "POST",
      body: new URLSearchParams(content),
      headers: { "X-Requested-With": "fetch", Accept: "application/json" },
    });
    if (!answer.ok) complain((await answer.json()).detail);
    else {
      toast.hidden = true;
      if (button && button.name === "well") clear(form);
    }
  } catch (error) {
    complain("The simulator does not answer. Is it still running?");
  }
});

function clear(form) {
  form.querySelectorAll("input").forEach((input) => {
    input.checked = false;
    input.value = input.type === "number" ? "0" : "";
  });
  form.querySelectorAll("select").forEach((select) => { select.selectedIndex = 0; });
}

function swap(part, html) {
  const place = document.querySelector(`[data-live="${part}"]`);
  if (!place || place.dataset.shown === html) return;
  const open = [...place.querySelectorAll("details[open]")].map((each) => each.id);
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  const chosen = place.value;
  place.innerHTML = html;
  place.dataset.shown = html;
  if (chosen !== undefined) place.value = chosen;
  open.forEach((id) => { const each = document.getElementById(id); if (each) each.open = true; });
  if (focused) {
    const again = [...place.querySelectorAll("[aria-label]")].find((each) => each.getAttribute("aria-label") === focused);
    if (again) again.focus();
  }
}

// A part that is swapped between the press and the release of a button swallows the click: so news waits for the release.
const LONGEST_PRESS_MS = 5000;
let released = Promise.resolve();

document.addEventListener("pointerdown", () => {
  released = new Promise((resume) => {
    for (const end of ["pointerup", "pointercancel"]) {
      document.addEventListener(end, () => setTimeout(resume), { once: true, capture: true });
    }
    setTimeout(resume, LONGEST_PRESS_MS);
  });
}, true);

async function follow() {
  let revision = document.querySelector("main").dataset.revision;
  for (;;) {
    try {
      const answer = await fetch(`/live?since=${revision}`, { headers: { Accept: "application/json" } });
      const news = await answer.json();
      revision = news.revision;
      await released;
      Object.entries(news.parts).forEach(([part, html]) => swap(part, html));
      await new Promise((resume) => setTimeout(resume, 150));
    } catch (error) {
      await new Promise((resume) => setTimeout(resume, 2000));
    }
  }
}

document.getElementById("strategy").addEventListener("change", (event) => {
  const chosen = event.target.selectedOptions[0].dataset;
  document.getElementById("ticker").value = chosen.ticker;
  document.getElementById("quantity").value = chosen.quantity;
  document.querySelector(`#signal [name="direction"][value="${chosen.direction}"]`).checked = true;
});

document.addEventListener("error", (event) => {
  if (event.target.matches && event.target.matches(".avatar img")) event.target.remove();
}, true);

follow();
