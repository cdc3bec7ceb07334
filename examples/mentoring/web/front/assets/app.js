// The page: lists and searches mentors, shows one, books sessions. No framework; every text goes through textContent.

const origins = JSON.parse(document.getElementById("origins").textContent);
const at = (id) => document.getElementById(id);
let page = 1;
let topic = "";

// Where the APIs live may change while the page is open.
setInterval(async () => {
  try {
    const answer = await fetch("/config.json");
    if (answer.ok) Object.assign(origins, await answer.json());
  } catch { /* The next second is another chance. */ }
}, 1000);

// A random UUID; crypto.randomUUID exists only where the page came over TLS.
function newToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

async function call(api, path, { method = "GET", body, token } = {}) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  if (token) headers["Idempotency-Key"] = token;
  const began = performance.now();
  const answer = await fetch(origins[`${api}_API_ORIGIN`] + path, { method, headers, body: body && JSON.stringify(body) });
  at("served").textContent = `${new URL(answer.url).host} answered in ${Math.round(performance.now() - began)} ms`;
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error ?? `status ${answer.status}`);
  return content;
}

function make(tag, text = "", attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

function shown(action, place) {
  return action().catch((error) => place.append(make("p", `That did not work: ${error.message}.`, { className: "error" })));
}

const euros = (cents) => new Intl.NumberFormat("en", { style: "currency", currency: "EUR" }).format(cents / 100);
const when = (iso) => new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
const tags = (names) => names.map((name) => make("span", name, { className: "tag" }));

function mentorCard(mentor) {
  const title = make("div", "", { className: "row" }, make("h3", mentor.name), make("span", `${euros(mentor.rate_cents)}/h`));
  const open = make("button", "", { onclick: () => shown(() => showMentor(mentor.id), at("detail")) },
    title, make("p", mentor.headline, { className: "soft" }), ...tags(mentor.topics));
  return make("li", "", {}, open);
}

async function listMentors(fresh) {
  page = fresh ? 1 : page + 1;
  const narrowed = topic ? `&topic=${encodeURIComponent(topic)}` : "";
  const { results } = await call("MENTORS", `/api/mentors?page=${page}${narrowed}`);
  if (fresh) at("mentors").replaceChildren();
  at("mentors").append(...results.map(mentorCard));
  at("more").hidden = results.length === 0;
}

async function searchMentors(words) {
  if (!words) return listMentors(true);
  const { results } = await call("MENTORS", `/api/search?q=${encodeURIComponent(words)}`);
  at("mentors").replaceChildren(...results.map(mentorCard));
  if (!results.length) at("mentors").append(make("li", "Nobody yet. Try another word.", { className: "hint" }));
  at("more").hidden = true;
}

async function listTopics() {
  const { results } = await call("MENTORS", "/api/topics");
  at("topics").replaceChildren(...results.map(({ topic: name, mentors }) => {
    const choose = make("button", `${name} ${mentors}`);
    choose.setAttribute("aria-pressed", name === topic);
    choose.onclick = () => {
      topic = name === topic ? "" : name;
      shown(() => Promise.all([listTopics(), listMentors(true)]), at("mentors"));
    };
    return choose;
  }));
}

async function showMentor(id) {
  const mentor = await call("MENTORS", `/api/mentors/${id}`);
  const rating = mentor.rating.count ? `${mentor.rating.stars.toFixed(1)} of 5 from ${mentor.rating.count} reviews` : "No reviews yet";
  const reviews = mentor.reviews.map((review) => make("p", `${"★".repeat(review.stars)} ${review.text}`, { className: "soft" }));
  const booking = at("booking").content.cloneNode(true).querySelector("form");
  booking.onsubmit = (event) => {
    event.preventDefault();
    shown(() => book(mentor, booking), booking);
  };
  at("detail").replaceChildren(make("h2", mentor.name), make("p", mentor.bio), ...tags(mentor.skills), make("p", rating), ...reviews, booking);
  await call("MENTORS", `/api/mentors/${id}/views`, { method: "POST", body: { referrer: "page" }, token: newToken() });
}

async function book(mentor, form) {
  const { starts_at, minutes, notes } = Object.fromEntries(new FormData(form));
  // One token per filled form: pressing the button again after an error cannot book twice.
  form.dataset.token ||= newToken();
  const body = { mentor_id: mentor.id, mentee: at("me").value, starts_at: new Date(starts_at).toISOString(), minutes: Number(minutes), notes };
  await call("SESSIONS", "/api/sessions", { method: "POST", body, token: form.dataset.token });
  form.replaceChildren(make("p", "Booked. A notice is on its way."));
  await listSessions();
}

async function listSessions() {
  const { results } = await call("SESSIONS", `/api/sessions?mentee=${encodeURIComponent(at("me").value)}`);
  at("sessions").replaceChildren(...results.map((session) => make("li", "", {},
    make("div", "", { className: "row" }, make("strong", when(session.starts_at)), make("span", `${session.minutes} min`)),
    make("span", `${session.status}: ${session.notes}`, { className: "soft" }))));
}

at("search").onsubmit = (event) => {
  event.preventDefault();
  shown(() => searchMentors(event.target.q.value.trim()), at("mentors"));
};
at("more").onclick = () => shown(() => listMentors(false), at("mentors"));
at("me").onchange = () => shown(listSessions, at("sessions"));
shown(() => listMentors(true), at("mentors"));
shown(listTopics, at("topics"));
shown(listSessions, at("sessions"));
