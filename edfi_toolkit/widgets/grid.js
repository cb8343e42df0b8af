// The view of edfi_toolkit.widgets.grids.Grid. It draws what Python sends and reports what the person does.
// Rows never enter the widget's saved state: they come as messages, so a saved notebook holds no revealed student.

const WAIT_MS = 150; // pause in typing before a filter is asked for
const LONG = 32; // letters; a longer text is wrapped, and cut after three lines
const PAGE_KEYS = { PageUp: -1, PageDown: 1 };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function heading(column, send) {
  const arrow = { ascending: "▲", descending: "▼" }[column.sort] ?? "";
  const label = element("button", { type: "button", "data-column": column.name, title: `Sort by ${column.label}`,
    onclick: () => send({ sort: column.name }) }, column.label, element("span", { "aria-hidden": "true" }, arrow));
  return element("th", { scope: "col", "aria-sort": column.sort, class: column.number ? "number" : null }, label);
}

function row(record, columns, focusable, send) {
  const cells = record.cells.map((text, at) => text.length > LONG
    ? element("td", { title: text }, element("div", { class: "long" }, text))
    : element("td", { class: columns[at].number ? "number" : null }, text));
  return element("tr", {
    role: "row", tabindex: focusable ? 0 : -1, "data-row": record.row, "aria-selected": String(record.selected),
    onclick: (event) => send({ select: record.row, how: choice(event) }),
  }, ...cells);
}

function choice(event) {
  if (event.shiftKey) return "range";
  return event.ctrlKey || event.metaKey ? "toggle" : "only";
}

function comparison(part) {
  const rows = part.members.map(([member, before, after, changed]) =>
    element("tr", { class: changed ? "changed" : null },
      element("th", { scope: "row" }, member), element("td", {}, before),
      element("td", {}, after, ...(changed ? [element("span", { class: "only-read" }, " (changed)")] : []))));
  const heads = ["", ...part.headings].map((text) => element("th", { scope: "col" }, text));
  return element("table", { class: "compare" }, element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows));
}

function value(part) {
  if (part.kind === "list") return element("ul", {}, ...part.values.map((text) => element("li", {}, text)));
  if (part.kind === "members")
    return element("table", {}, element("tbody", {}, ...part.members.map(([member, text]) =>
      element("tr", {}, element("th", { scope: "row" }, member), element("td", {}, text)))));
  return document.createTextNode(part.text);
}

function details(parts) {
  const list = element("dl");
  const wide = [];
  for (const part of parts) {
    if (part.kind === "compare") wide.push(element("h4", {}, part.label), comparison(part));
    else if (part.kind === "members") wide.push(element("h4", {}, part.label), value(part));
    else list.append(element("dt", {}, part.label), element("dd", {}, value(part)));
  }
  return [list, ...wide];
}

function render({ model, el }) {
  let typing = null; // the timer that runs between a letter and the question
  let asked = null; // the filter asked for and not yet answered
  const send = (message) => model.send(message);
  const filter = element("input", {
    type: "search", placeholder: "Filter", "aria-label": "Filter rows", spellcheck: "false",
    oninput: () => { clearTimeout(typing); typing = setTimeout(ask, WAIT_MS); },
  });
  const reveal = element("button", { type: "button", class: "reveal",
    onclick: () => send({ reveal: reveal.getAttribute("aria-pressed") !== "true" }) });
  const count = element("span", { class: "count", role: "status" });
  const previous = element("button", { type: "button", "aria-label": "Previous page", onclick: () => turn(-1) }, "‹");
  const next = element("button", { type: "button", "aria-label": "Next page", onclick: () => turn(1) }, "›");
  const head = element("tr", { role: "row" });
  const body = element("tbody");
  const table = element("table", { role: "grid", "aria-multiselectable": "true", "aria-label": model.get("title") || "Rows" },
    element("thead", {}, head), body);
  const scroller = element("div", { class: "rows" }, table);
  const record = element("section", { class: "record", "aria-label": "Selected row", tabindex: 0 });
  const root = element("div", { class: "edfi-grid", "data-lm-suppress-shortcuts": "true" },
    element("div", { class: "bar" }, element("strong", {}, model.get("title")), filter, reveal, count, previous, next),
    scroller, record);
  if (model.get("height")) scroller.style.maxHeight = model.get("height");

  function ask() {
    typing = null;
    asked = filter.value;
    send({ filter: asked });
  }

  let page = 0;
  function turn(by) { send({ page: page + by }); }

  // What is on the page stays there when it is drawn again: a click on a replaced element would be lost.
  const drawn = {};
  function news(part, content) {
    const text = JSON.stringify(content);
    const changed = drawn[part] !== text;
    drawn[part] = text;
    return changed;
  }

  function draw(view) {
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.row : null;
    const sorted = head.contains(document.activeElement) ? document.activeElement.dataset.column : null;
    const place = focused === null ? -1 : [...body.children].indexOf(document.activeElement);
    const turned = view.page !== page;
    page = view.page;
    if (news("head", view.columns))
      head.replaceChildren(...view.columns.map((column) => heading(column, send)));
    if (news("body", [view.columns, view.rows, view.empty])) {
      const start = Math.max(0, view.rows.findIndex((each) => each.selected));
      body.replaceChildren(...view.rows.map((each, at) => row(each, view.columns, at === start, send)));
      if (!view.rows.length)
        body.append(element("tr", {}, element("td", { colspan: view.columns.length, class: "none" }, view.empty)));
    }
    if (turned) scroller.scrollTop = 0;
    if (place >= 0) {
      const again = [...body.children].find((each) => each.dataset.row === focused) ?? body.children[turned ? 0 : place];
      focus(again);
    }
    if (sorted) [...head.querySelectorAll("button")].find((each) => each.dataset.column === sorted)?.focus();
    count.textContent = view.count;
    previous.disabled = !view.before;
    next.disabled = !view.after;
    if (view.filter === asked) asked = null;
    if (typing === null && asked === null && filter.value !== view.filter) filter.value = view.filter;
    reveal.hidden = !view.personal;
    reveal.setAttribute("aria-pressed", String(view.revealed));
    reveal.textContent = view.revealed ? "Hide students" : "Reveal students";
    record.hidden = !view.record;
    record.replaceChildren(...(view.record ? details(view.record) : []));
  }

  function focus(target) {
    if (!target || target.tabIndex === undefined || !("row" in target.dataset)) return;
    for (const each of body.children) each.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  }

  body.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.key === "ArrowDown") focus(at.nextElementSibling);
    else if (event.key === "ArrowUp") focus(at.previousElementSibling);
    else if (event.key === "Home") focus(body.firstElementChild);
    else if (event.key === "End") focus(body.lastElementChild);
    else if (event.key in PAGE_KEYS) turn(PAGE_KEYS[event.key]);
    else if (event.key === "Enter" || event.key === " ") send({ select: Number(at.dataset.row), how: choice(event) });
    else return;
    event.preventDefault();
  });

  model.on("msg:custom", draw);
  el.append(root);
  if (model.get("first").columns) draw(model.get("first"));
  send({ ready: true });
  return () => { clearTimeout(typing); model.off("msg:custom", draw); };
}

export default { render };
