"use strict";

// The code of a login link stands after '#': no server and no log has seen it, and the history forgets it at once.
const form = document.getElementById("login");
const field = document.getElementById("token");
const button = form.querySelector("button");
const message = document.getElementById("message");
const next = new URLSearchParams(location.search).get("next") || "/";
const code = new URLSearchParams(location.hash.slice(1)).get("code");

async function login(given) {
  button.disabled = true;
  message.textContent = "";
  try {
    const answer = await fetch("/v1/login", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Argosy-CSRF": "1" },
      body: JSON.stringify({ ...given, next }),
    });
    const told = await answer.json();
    if (answer.ok) {
      location.replace(told.next);
      return;
    }
    message.textContent = told.detail;
  } catch {
    message.textContent = "The service does not answer.";
  }
  button.disabled = false;
  field.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  login({ token: field.value.trim() });
});

if (code) {
  history.replaceState(null, "", location.pathname + location.search);
  login({ code });
}
