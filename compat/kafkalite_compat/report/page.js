"use strict";
// Filters, folding and the panel. The page is complete without it; it only hides and shows, and writes text, never markup.
// A filter is in the address too (#language=Go&outcome=fail), so that what is seen can be sent to somebody.
addEventListener("error", (event) => { document.documentElement.dataset.error = event.message; });
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const matrix = document.getElementById("matrix");
  const form = document.getElementById("filters");
  const panel = document.getElementById("panel");
  const rows = [...matrix.querySelectorAll("tr[data-scenario]")];
  const columns = document.head.appendChild(document.createElement("style"));
  const classOf = (cell) => data.verdicts[cell[0]][0];
  const secondTry = (cell) => classOf(cell) === "pass" && cell[2] !== 0;
  const newest = data.clients.map((client, at) => at === 0 || data.clients[at - 1].name !== client.name);
  const holds = (text, wanted) => text.toLowerCase().includes(wanted.trim().toLowerCase());

  // Filters

  /** Which of a place's brokers show the outcome that is looked for. */
  function hits(place, wanted) {
    if (wanted.outcome === "differs") {
      const differ = new Set(place.map((cell) => cell && cell[0])).size > 1;
      return place.map(() => differ);
    }
    return place.map((cell, broker) =>
      cell !== null && (wanted.broker === "" || Number(wanted.broker) === broker) &&
      (wanted.outcome === "again" ? secondTry(cell) : classOf(cell) === wanted.outcome));
  }

  function wantedNow() {
    const fields = new FormData(form);
    const wanted = { client: "", scenario: "", language: "", outcome: "", broker: "", newest: "" };
    for (const name of Object.keys(wanted)) wanted[name] = String(fields.get(name) ?? "");
    return wanted;
  }

  function apply() {
    const wanted = wantedNow();
    const clients = data.clients.map((client, at) =>
      holds(client.label, wanted.client) && (wanted.language === "" || client.language === wanted.language) &&
      (wanted.newest === "" || newest[at]));
    const number = wanted.scenario.trim().toUpperCase();
    const scenarios = data.scenarios.map((one) => one.number.startsWith(number) || (number.length > 2 && holds(one.title, number)));
    if (wanted.outcome !== "") narrow(wanted, clients, scenarios);
    document.body.classList.toggle("filtered", wanted.outcome !== "");
    document.body.dataset.broker = wanted.broker;
    columns.textContent = clients.map((shown, at) => shown ? "" : `.matrix tr > :nth-child(${at + 2}) { display: none; }`).join("\n");
    rows.forEach((row) => { row.hidden = !scenarios[row.dataset.scenario]; });
    for (const body of matrix.tBodies) {
      body.hidden = ![...body.rows].some((row) => row.dataset.scenario !== undefined && !row.hidden);
    }
    for (const one of document.querySelectorAll("[data-clients]")) {
      one.hidden = !one.dataset.clients.trim().split(" ").some((at) => clients[at]);
    }
    for (const part of document.querySelectorAll(".part")) {
      part.hidden = ![...part.querySelectorAll(".reason")].some((reason) => !reason.hidden);
    }
    const count = (shown) => `${shown.filter(Boolean).length} of ${shown.length}`;
    document.getElementById("shown").value = `${count(clients)} client versions, ${count(scenarios)} scenarios`;
    remember();
  }

  /** Leaves only the clients and scenarios that have a place with the outcome; marks those places. */
  function narrow(wanted, clients, scenarios) {
    const hitClients = new Set(), hitScenarios = new Set();
    rows.forEach((row) => {
      const scenario = Number(row.dataset.scenario);
      data.cells[scenario].forEach((place, client) => {
        const found = hits(place, wanted);
        [...row.cells[client + 1].children].forEach((mark, broker) => mark.classList.toggle("hit", found[broker]));
        if (found.some(Boolean) && clients[client] && scenarios[scenario]) {
          hitClients.add(client);
          hitScenarios.add(scenario);
        }
      });
    });
    clients.forEach((_, at) => { clients[at] = hitClients.has(at); });
    scenarios.forEach((_, at) => { scenarios[at] = hitScenarios.has(at); });
  }

  function remember() {
    const chosen = matrix.querySelector(".chosen");
    const fields = { ...wantedNow(), cell: chosen ? nameOf(chosen) : "" };
    const set = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ""));
    try { history.replaceState(null, "", set.size ? `#${set}` : location.pathname + location.search); }
    catch { /* a page that may not change its address is still a page */ }
  }

  function recall() {
    const told = new URLSearchParams(location.hash.slice(1));
    for (const [name, value] of told) {
      const field = form.elements.namedItem(name);
      if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value !== "";
      else if (field) field.value = value;
    }
    apply();
    const cell = told.has("cell") && matrixCells().find((td) => nameOf(td) === told.get("cell"));
    if (cell) { step(cell); openCell(cell); }
  }

  function fold(body, folded) {
    body.classList.toggle("folded", folded);
    body.querySelector(".group button").setAttribute("aria-expanded", String(!folded));
  }

  // The panel

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function open(title, text, parts) {
    const close = element("button", "×", "close");
    close.type = "button";
    close.setAttribute("aria-label", "close");
    close.addEventListener("click", shut);
    panel.replaceChildren(close, element("h2", title), ...(text ? [element("p", unwrapped(text), "text")] : []), ...parts);
    panel.hidden = false;
    panel.scrollTop = 0;
  }

  function shut() {
    panel.hidden = true;
    const chosen = matrix.querySelector(".chosen");
    if (chosen) { chosen.classList.remove("chosen"); chosen.focus(); }
    remember();
  }

  /** Lines that were broken for the source's sake run on; paragraphs and list items stay. */
  const unwrapped = (text) => text.replace(/([^\n])\n(?=[^\n\s\-*|\d])/g, "$1 ");

  function result(cell, broker) {
    const part = element("div", "", "result");
    if (cell === null) {
      part.append(`${data.brokers[broker]}: not run`);
      return part;
    }
    const [name, mark, words] = data.verdicts[cell[0]];
    const told = secondTry(cell) ? "passed at the second try" : words;
    part.append(element("i", mark, secondTry(cell) ? `${name} again` : name), " ", element("b", data.brokers[broker]), ` ${told} `, element("time", `${cell[1]} s`));
    if (cell[2] !== 0) part.append(element("pre", data.details[cell[2]]));
    return part;
  }

  function place(td) {
    const scenario = Number(td.parentElement.dataset.scenario), client = td.cellIndex - 1;
    return { scenario: data.scenarios[scenario], client: data.clients[client], cells: data.cells[scenario][client] };
  }

  const matrixCells = () => rows.flatMap((row) => [...row.cells].slice(1));
  const nameOf = (td) => { const { scenario, client } = place(td); return `${scenario.number}/${client.label}`; };

  function describe(td) {
    const { scenario, client, cells } = place(td);
    const told = cells.map((cell, broker) => `${data.brokers[broker]}: ${cell === null ? "not run" : data.verdicts[cell[0]][2]}`);
    return `${scenario.number}, ${client.label}: ${told.join("; ")}`;
  }

  function openCell(td) {
    const { scenario, client, cells } = place(td);
    matrix.querySelector(".chosen")?.classList.remove("chosen");
    td.classList.add("chosen");
    const who = element("p", "", "dim");
    who.append(element("b", client.label), ` ${[client.language, client.runtime].filter(Boolean).join(", ")}`);
    open(`${scenario.number} ${scenario.title}`, scenario.text, [who, ...cells.map(result)]);
    remember();
  }

  function openClient(at) {
    const client = data.clients[at];
    const parts = data.brokers.map((label, broker) => {
      const counts = data.verdicts.map(() => 0);
      for (const row of data.cells) if (row[at][broker] !== null) counts[row[at][broker][0]] += 1;
      const told = data.verdicts.map(([, , words], verdict) => counts[verdict] ? `${counts[verdict]} ${words}` : "").filter(Boolean);
      const part = element("div", "", "result");
      part.append(element("b", label), ` ${told.join(", ")}`);
      return part;
    });
    open(client.label, [client.language, client.runtime].filter(Boolean).join(", "), client.reason ? [...parts, element("pre", client.reason)] : parts);
  }

  // Events

  matrix.addEventListener("click", (event) => {
    const td = event.target.closest("tr[data-scenario] > td");
    const group = event.target.closest(".group button");
    const scenario = event.target.closest("tr[data-scenario] > th button");
    const client = event.target.closest("thead th[data-client]");
    if (td) { step(td); openCell(td); }
    else if (group) fold(group.closest("tbody"), group.getAttribute("aria-expanded") === "true");
    else if (scenario) {
      const one = data.scenarios[scenario.closest("tr").dataset.scenario];
      open(`${one.number} ${one.title}`, one.text, []);
    } else if (client) openClient(Number(client.dataset.client));
  });
  matrix.addEventListener("pointerover", (event) => {
    const td = event.target.closest("tr[data-scenario] > td");
    const head = event.target.closest("tr[data-scenario] > th");
    if (td && !td.title) td.title = describe(td);
    if (head && !head.title) head.title = data.scenarios[head.parentElement.dataset.scenario].text;
  });

  /** Moves the one place that Tab reaches: within the matrix one walks with the arrows. */
  function step(td) {
    matrix.querySelector("td[tabindex='0']")?.setAttribute("tabindex", "-1");
    td.tabIndex = 0;
    td.setAttribute("aria-label", describe(td));
    td.focus();
  }

  const seen = (one) => one.offsetParent !== null;
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  matrix.addEventListener("keydown", (event) => {
    const td = event.target.closest("tr[data-scenario] > td");
    if (!td) return;
    if (event.key === "Enter" || event.key === " ") openCell(td);
    else if (STEPS[event.key]) {
      const [down, right] = STEPS[event.key];
      const line = down ? rows.filter(seen).map((row) => row.cells[td.cellIndex]) : [...td.parentElement.cells].filter((one) => one.tagName === "TD" && seen(one));
      const next = line[line.indexOf(td) + down + right];
      if (next) step(next);
    } else return;
    event.preventDefault();
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) shut(); });
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("click", (event) => {
    if (event.target.dataset.fold !== undefined) for (const body of matrix.tBodies) fold(body, event.target.dataset.fold !== "");
  });
  addEventListener("hashchange", recall);
  addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details")) one.open = true; });

  matrix.querySelector("tr[data-scenario] > td")?.setAttribute("tabindex", "0");
  form.hidden = false;
  recall();
  document.documentElement.dataset.ready = "yes";
})();
