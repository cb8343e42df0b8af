// Fields and buttons. What is typed is sent as a message and is no part of the widget's state, which notebooks save.
let views = 0; // one form can be on a page twice, and an id only once
function render({ model, el }) {
  el.classList.add("edfi-form");
  const place = `edfi-${model.get("key")}-${++views}`;
  const inputs = new Map();
  const about = new Map();
  const fields = document.createElement("div");
  const buttons = document.createElement("div");
  buttons.className = "buttons";
  const failed = document.createElement("p"); // what is wrong with the last press, if it failed unforeseen
  failed.setAttribute("role", "alert");
  let waiting = false; // a button was pressed, and what came of it is not drawn yet
  const watched = new Set(); // fields of which it was sent already that a person types, since the last press
  const drawFields = () => {
    const typed = new Map([...inputs].map(([name, input]) => [name, input.value]));
    fields.replaceChildren();
    inputs.clear();
    for (const { name, label, choices, shown, options, start, of, enter, watch, wide } of model.get("fields")) {
      const line = document.createElement("span");
      line.className = "field";
      const caption = document.createElement("label"); // not around the field: its name would have all choices in it
      caption.textContent = label;
      const input = document.createElement(choices ? "select" : "input");
      caption.htmlFor = input.id = `${place}-${name}`;
      line.append(caption, " ", input);
      (choices ?? []).forEach((choice, at) => input.append(new Option(shown?.[at] ?? choice, choice)));
      if (options?.length) {
        const list = document.createElement("datalist");
        list.id = `${input.id}-list`;
        for (const option of options) list.append(new Option(option, option));
        input.setAttribute("list", list.id);
        line.append(list);
      }
      if (!choices) input.autocomplete = "off";
      if (wide) input.className = "wide";
      const before = about.get(name) === of ? typed.get(name) : "";
      about.set(name, of);
      if (before && (!choices || choices.includes(before))) input.value = before;
      else if (start && !choices) input.value = start;
      if (choices) input.addEventListener("change", () => send(`choose:${name}`));
      input.addEventListener("keydown", (event) => {
        event.stopPropagation();
        const off = waiting || model.get("buttons").find((button) => button.name === enter)?.off;
        if (enter && event.key === "Enter" && !event.isComposing && !off) press(event, enter);
      });
      if (watch) input.addEventListener("input", () => {
        if (!watched.has(name)) model.send({ press: `typed:${name}`, values: {} }); // that, and not what
        watched.add(name);
      });
      inputs.set(name, input);
      fields.append(line);
    }
  };
  const drawButtons = () => {
    const known = model.get("buttons");
    for (let at = buttons.children.length; at < known.length; at += 1) {
      const button = document.createElement("button");
      button.className = "jupyter-button";
      button.addEventListener("click", (event) => press(event, model.get("buttons")[at].name));
      buttons.append(button);
    }
    known.forEach(({ label, off, leads }, at) => {
      buttons.children[at].textContent = label;
      buttons.children[at].disabled = off || waiting;
      buttons.children[at].classList.toggle("mod-primary", Boolean(leads));
    });
  };
  // The second click of a double one is no press: it was made before the answer to the first could be read.
  const press = (event, name) => {
    if (event.detail > 1) return;
    waiting = true;
    failed.textContent = "";
    watched.clear();
    drawButtons();
    send(name);
  };
  const send = (press) =>
    model.send({
      press,
      values: Object.fromEntries([...inputs].map(([name, input]) => [name, input.value])),
      of: Object.fromEntries([...about].filter(([, of]) => of !== undefined)),
    });
  const hear = (message) => {
    for (const name of message.clear ?? []) inputs.get(name).value = "";
    if (message.done) { waiting = false; failed.textContent = message.failed; drawButtons(); }
  };
  model.on("change:fields", drawFields);
  model.on("change:buttons", drawButtons);
  model.on("msg:custom", hear);
  drawFields();
  drawButtons();
  el.append(fields, buttons, failed);
  return () => {
    model.off("change:fields", drawFields);
    model.off("change:buttons", drawButtons);
    model.off("msg:custom", hear);
  };
}
export default { render };
