// The view of edfi_toolkit.widgets.grids.Grid. It draws what Python sends and reports what the person does.
// Rows never enter the widget's saved state: they come as messages, so a saved notebook holds no revealed student.

const WAIT_MS = 150; // pause in typing before a filter is asked for
const LONG = { words: 18, word: 20 }; // letters; a longer text is wrapped, and cut after three or four lines
const PAGE_KEYS = { PageUp: -1, PageDown: 1 };
const KEYS = "Arrow keys move between the rows, Enter selects one. Arrow up from the first row leads to the headings, "
  + "which sort, and to the filters of the columns; Escape leads back.";

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

// Headings and filters of columns are stops of the Tab key only while one of them has the focus: rows come first.
function heading(column, send) {
  const arrow = element("span", { "aria-hidden": "true" });
  const label = element("button", { type: "button", tabindex: -1, "data-column": column.name,
    title: `Sort by ${column.label}`, onclick: () => send({ sort: column.name }) }, column.label, arrow);
  const cell = element("th", { scope: "col", class: column.number ? "number" : null }, label);
  const update = ({ sort }) => {
    if (sort) cell.setAttribute("aria-sort", sort); else cell.removeAttribute("aria-sort");
    arrow.textContent = { ascending: "▲", descending: "▼" }[sort] ?? "";
  };
  return [cell, update];
}

function columnFilter(column, send) {
  let typing = null;
  const ask = () => { typing = null; send({ column: column.name, text: field.value }); };
  const named = { "aria-label": `Filter ${column.label}`, tabindex: -1 };
  const field = column.choices.length
    ? element("select", { ...named, onchange: ask }, element("option", { value: "" }, "all"),
      ...column.choices.map(([text, count]) => element("option", { value: text }, `${text} (${count.toLocaleString("en")})`)))
    : element("input", { ...named, type: "search", placeholder: column.number ? "" : "contains", spellcheck: "false",
      oninput: () => { clearTimeout(typing); typing = setTimeout(ask, WAIT_MS); } });
  const update = ({ filter }) => { if (typing === null && field !== document.activeElement) field.value = filter; };
  return [element("td", { class: column.number ? "number" : null }, field), update];
}

function isLong(text) {
  return text.length > (text.includes(" ") ? LONG.words : LONG.word);
}

function row(record, columns, place, focusable, send) {
  const cells = record.cells.map((text, at) => isLong(text)
    ? element("td", { title: text }, element("div", { class: `long ${columns[at].width}` }, text))
    : element("td", { class: columns[at].number ? "number" : null }, text));
  return element("tr", {
    role: "row", tabindex: focusable ? 0 : -1, "data-row": record.row, "aria-rowindex": place,
    "aria-selected": String(record.selected),
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

function save(name, bytes) {
  const address = URL.createObjectURL(new Blob([bytes], { type: "text/csv" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
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
  const exported = element("button", { type: "button", title: "What is shown, as a CSV file; students as on the screen",
    onclick: () => send({ export: true }) }, "Export");
  const clear = element("button", { type: "button", onclick: () => { send({ clear: true }); filter.focus(); } }, "Clear filters");
  const count = element("span", { class: "count" });
  const chosen = element("span", { class: "chosen" });
  const live = element("span", { class: "live", role: "status", "aria-atomic": "true" }, chosen, count);
  const previous = element("button", { type: "button", "aria-label": "Previous page", onclick: () => turn(-1) }, "‹");
  const next = element("button", { type: "button", "aria-label": "Next page", onclick: () => turn(1) }, "›");
  const head = element("tr", { role: "row" });
  const filters = element("tr", { role: "row", class: "filters" });
  const body = element("tbody");
  const name = model.get("title") || "Rows";
  const table = element("table", { role: "grid", "aria-multiselectable": "true", "aria-label": name },
    element("caption", { class: "only-read" }, `${name}. ${KEYS}`), element("thead", {}, head, filters), body);
  const scroller = element("div", { class: "rows" }, table);
  const record = element("section", { class: "record", "aria-label": "Selected row", tabindex: 0 });
  const below = element("div", { class: "bar" }, reveal, exported, clear, element("span", { class: "turn" }, previous, next));
  const root = element("div", { class: "edfi-grid", "data-lm-suppress-shortcuts": "true" },
    element("div", { class: "bar" }, element("strong", {}, model.get("title")), filter, live),
    scroller,
    below,
    record);
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

  let updates = []; // what the headings and filters show of the view
  function draw(view, buffers) {
    if (view.export) return save(view.export, buffers[0]);
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.row : null;
    const place = focused === null ? -1 : [...body.children].indexOf(document.activeElement);
    const turned = view.page !== page;
    page = view.page;
    if (news("head", view.columns.map(({ name, choices }) => [name, choices]))) {
      const headings = view.columns.map((column) => heading(column, send));
      const fields = view.columns.map((column) => columnFilter(column, send));
      head.replaceChildren(...headings.map(([cell]) => cell));
      filters.replaceChildren(...fields.map(([cell]) => cell));
      updates = headings.map(([, update], at) => (column) => { update(column); fields[at][1](column); });
    }
    updates.forEach((update, at) => update(view.columns[at]));
    if (news("body", [view.rows, view.empty])) {
      const start = Math.max(0, view.rows.findIndex((each) => each.selected));
      body.replaceChildren(...view.rows.map((each, at) => row(each, view.columns, view.start + at + 3, at === start, send)));
      if (!view.rows.length)
        body.append(element("tr", {}, element("td", { colspan: view.columns.length, class: "none" }, view.empty)));
    }
    if (turned) scroller.scrollTop = 0;
    if (place >= 0) {
      const again = [...body.children].find((each) => each.dataset.row === focused) ?? body.children[turned ? 0 : place];
      focus(again);
    }
    table.setAttribute("aria-rowcount", view.total + 2); // with the two rows of headings
    count.textContent = view.count;
    chosen.textContent = view.chosen;
    for (const tool of [filter, filters, below]) tool.hidden = !view.tools; // a list of few rows is all in view
    clear.hidden = !view.filtered;
    exported.disabled = !view.total;
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
    else if (event.key === "ArrowUp") (at.previousElementSibling ? focus(at.previousElementSibling) : stops(0).focus());
    else if (event.key === "Home") focus(body.firstElementChild);
    else if (event.key === "End") focus(body.lastElementChild);
    else if (event.key in PAGE_KEYS) turn(PAGE_KEYS[event.key]);
    else if (event.key === "Enter" || event.key === " ") send({ select: Number(at.dataset.row), how: choice(event) });
    else return;
    event.preventDefault();
  });

  const top = table.tHead;
  function stops(tabindex) {
    const controls = top.querySelectorAll("button, input, select");
    for (const each of controls) each.tabIndex = tabindex;
    return filters.querySelector("input, select");
  }
  top.addEventListener("focusin", () => stops(0));
  top.addEventListener("focusout", (event) => { if (!top.contains(event.relatedTarget)) stops(-1); });
  top.addEventListener("keydown", (event) => {
    if (event.key === "Escape") focus(body.firstElementChild);
  });

  model.on("msg:custom", draw);
  el.append(root);
  if (model.get("first").columns) draw(model.get("first"));
  send({ ready: true });
  return () => { clearTimeout(typing); model.off("msg:custom", draw); };
}

export default { render };
