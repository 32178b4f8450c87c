// The secret is in the fragment, which no browser sends to a server; it is removed from the address at once.
const link = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
const answer = document.getElementById("answer");
const form = document.getElementById("set");
if (!link) {
  form.remove();
  answer.textContent = "This address has no secret in it. Open the link as it was sent to you, " +
    "or ask an admin of your tenant for a new one.";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(event.target);
  if (fields.get("new_password") !== fields.get("again")) {
    answer.textContent = "The two passwords differ.";
    return;
  }
  const reply = await fetch("/api/v1/auth/password", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ link_token: link, new_password: fields.get("new_password") }),
  });
  if (reply.ok) {
    form.remove();
    answer.textContent = "";
    document.getElementById("done").hidden = false;
    return;
  }
  const problem = await reply.json();
  answer.textContent = problem.errors ? problem.errors.map((error) => error.msg).join("; ") : problem.detail;
});
