const MOST_LINES = 500;
let socket = null;
let position = null;
let token = null;
let logs = null;

// What a person may try first. `system_alerts` takes no filter.
const FILTERS = { job_updates: '{"spider_name": "auto"}', property_updates: '{"city": "Toledo"}' };
const REFUSALS = ["error", "subscription_error"];

const form = (id) => document.getElementById(id);
const fields = (id) => Object.fromEntries(new FormData(form(id)));

function show(kind, text, css) {
  const line = document.createElement("li");
  const at = document.createElement("time");
  at.textContent = new Date().toLocaleTimeString();
  const name = document.createElement("b");
  name.textContent = kind;
  line.append(at, " ", name, " ", text);
  if (css) line.className = css;
  form("log").prepend(line);
  form("empty").hidden = true;
  // The same where the list is not in view.
  form("newest").textContent = `${kind} ${text}`;
  form("newest").className = css || "";
  while (form("log").children.length > MOST_LINES) form("log").lastChild.remove();
}

function state(text) { form("state").textContent = text; }
function logState(text) { form("log-state").textContent = text; }

function connect(shown) {
  token = shown;
  if (socket) socket.close(1000);
  // The browser cannot read a refused upgrade: with reject=close the reason comes as a close code.
  const query = new URLSearchParams({ token, reject: "close" });
  if (position) query.set("since", position);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(`${scheme}//${location.host}/ws?${query}`);
  socket = opened;
  state("connecting");
  opened.onopen = () => state("open");
  opened.onmessage = (message) => {
    const data = JSON.parse(message.data);
    if (data.position) position = data.position;
    show(data.event || data.type, message.data, REFUSALS.includes(data.type) ? "bad" : "");
  };
  // A log that was followed before the page was reloaded continues after its last line.
  if (!logs && sessionStorage.getItem("job_id")) follow(sessionStorage.getItem("job_id"));
  opened.onclose = (event) => {
    if (socket === opened) state("closed");
    show("closed", `${event.code} ${event.reason}`, event.code === 1000 ? "" : "bad");
  };
}

function follow(job_id) {
  if (!token) {
    show("not followed", "sign in first", "bad");
    return;
  }
  if (logs) logs.close();
  if (sessionStorage.getItem("job_id") !== job_id) sessionStorage.removeItem("line");
  sessionStorage.setItem("job_id", job_id);
  // EventSource cannot read a refusal: with reject=close it comes as the event `problem`.
  const query = new URLSearchParams({ token, reject: "close" });
  const line = sessionStorage.getItem("line");
  if (line) query.set("since", line);
  const stream = new EventSource(`/sse/logs/${encodeURIComponent(job_id)}?${query}`);
  logs = stream;
  const told = (css) => (event) => {
    if (event.lastEventId) sessionStorage.setItem("line", event.lastEventId);
    show(event.type, event.data, css);
  };
  const forget = () => {
    sessionStorage.removeItem("job_id");
    sessionStorage.removeItem("line");
  };
  logState("connecting");
  stream.onopen = () => logState("open");
  // EventSource reconnects by itself; it gives up after an answer that is not a stream.
  stream.onerror = () => {
    const isClosed = stream.readyState === EventSource.CLOSED;
    logState(isClosed ? "closed" : "connecting");
    if (isClosed) show("not followed", "the server answers without a stream", "bad");
  };
  stream.addEventListener("log", told(""));
  for (const name of ["gap", "token_expiring", "going_away"]) stream.addEventListener(name, told("bad"));
  stream.addEventListener("problem", (event) => {
    if (!event.lastEventId.startsWith("end.")) {
      told("bad")(event);
      return;
    }
    // The same request would be refused again. With a new token it may go on.
    show(event.type, event.data, "bad");
    stream.close();
    logs = null;
    logState("refused");
    if (JSON.parse(event.data).close_code !== 4401) forget();
  });
  stream.addEventListener("complete", (event) => {
    told("")(event);
    stream.close();
    logState("complete");
    forget();
  });
}

function send(text) {
  if (!socket || socket.readyState !== WebSocket.OPEN) {
    show("not sent", "the socket is not open", "bad");
    return;
  }
  socket.send(text);
  show("sent", text, "sent");
}

form("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/api/v1/auth/token", { method: "POST", body: new URLSearchParams(fields("sign-in")) });
  const body = await answer.json();
  if (!answer.ok) {
    show("refused", body.detail, "bad");
    return;
  }
  position = null;
  connect(body.access_token);
});
form("with-token").addEventListener("submit", (event) => {
  event.preventDefault();
  position = null;
  connect(fields("with-token").token.trim());
});
form("close").addEventListener("click", () => socket && socket.close(1000));
form("ping").addEventListener("click", () => send('{"type": "ping"}'));
form("status").addEventListener("click", () => send('{"type": "request_status"}'));
form("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const { room_id, text } = fields("chat");
  // Sent again with the same id, after a disconnect, a message is stored once.
  const client_message_id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("");
  send(JSON.stringify({ type: "chat", room_id, text, client_message_id }));
  form("chat").elements.text.value = "";
});
form("join").addEventListener("click", () => {
  send(JSON.stringify({ type: "join_room", room_id: fields("chat").room_id }));
});
form("logs").addEventListener("submit", (event) => { event.preventDefault(); follow(fields("logs").job_id); });
form("send").addEventListener("submit", (event) => { event.preventDefault(); send(fields("send").message); });
function suggest() {
  const { subscription, filter } = form("subscribe").elements;
  filter.placeholder = FILTERS[subscription.value] ?? "none";
  filter.disabled = !FILTERS[subscription.value];
}
form("subscribe").elements.subscription.addEventListener("change", suggest);
suggest();
form("subscribe").addEventListener("submit", (event) => {
  event.preventDefault();
  const { subscription, filter } = fields("subscribe");
  let parsed;
  try {
    parsed = filter?.trim() ? JSON.parse(filter) : undefined;
  } catch {
    show("not sent", "the filter is not JSON", "bad");
    return;
  }
  send(JSON.stringify({ type: "subscribe", subscription, filter: parsed }));
});
