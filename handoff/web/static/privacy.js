// The privacy page with a script: who has a conversation on this device can take consent back here too. The widget keeps
// the conversation where this reads it (widget/tools.js, Memory).
"use strict";

(() => {
  const form = document.getElementById("tarik");
  const place = `wajah:${location.origin}/`;
  const kept = () => { try { return JSON.parse(localStorage.getItem(place)) || {}; } catch { return {}; } };
  form.hidden = !kept().id || !kept().consent;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { id, token } = kept(), told = document.getElementById("tarik-hasil");
    const body = JSON.stringify({ version: form.dataset.version, given: false });
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const done = await fetch(`/api/v1/conversations/${id}/consent`, { method: "POST", body, headers })
      .then((answer) => answer.ok, () => false);
    if (done) localStorage.setItem(place, JSON.stringify({ ...kept(), consent: null }));
    told.textContent = done ? form.dataset.done : form.dataset.failed;
    told.hidden = false;
    form.hidden = done;
  });
})();
