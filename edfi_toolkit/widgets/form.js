// Fields and buttons. What is typed is sent as a message and is no part of the widget's state, which notebooks save.
let views = 0; // one form can be on a page twice, and an id only once
function render({ model, el }) {
  el.classList.add("edfi-form");
  const place = `edfi-${model.get("key")}-${++views}`;
  const inputs = new Map();
  const about = new Map();
  const draw = () => {
    const typed = new Map([...inputs].map(([name, input]) => [name, input.value]));
    el.replaceChildren();
    inputs.clear();
    for (const { name, label, choices, options, start, of } of model.get("fields")) {
      const line = document.createElement("span");
      line.className = "field";
      const caption = document.createElement("label"); // not around the field: its name would have all choices in it
      caption.textContent = label;
      const input = document.createElement(choices ? "select" : "input");
      caption.htmlFor = input.id = `${place}-${name}`;
      line.append(caption, " ", input);
      for (const choice of choices ?? []) input.append(new Option(choice, choice));
      if (options?.length) {
        const list = document.createElement("datalist");
        list.id = `${input.id}-list`;
        for (const option of options) list.append(new Option(option, option));
        input.setAttribute("list", list.id);
        line.append(list);
      }
      if (!choices) input.autocomplete = "off";
      const before = about.get(name) === of ? typed.get(name) : "";
      about.set(name, of);
      if (before && (!choices || choices.includes(before))) input.value = before;
      else if (start && !choices) input.value = start;
      if (choices) input.addEventListener("change", () => send(`choose:${name}`));
      input.addEventListener("keydown", (event) => event.stopPropagation());
      inputs.set(name, input);
      el.append(line);
    }
    const row = document.createElement("div");
    for (const { name, label, off } of model.get("buttons")) {
      const button = document.createElement("button");
      button.textContent = label;
      button.disabled = off;
      button.className = "jupyter-button";
      button.addEventListener("click", () => send(name));
      row.append(button);
    }
    el.append(row);
  };
  const send = (press) =>
    model.send({ press, values: Object.fromEntries([...inputs].map(([name, input]) => [name, input.value])) });
  const clear = (message) => {
    for (const name of message.clear ?? []) inputs.get(name).value = "";
  };
  model.on("change:fields change:buttons", draw);
  model.on("msg:custom", clear);
  draw();
  return () => model.off("msg:custom", clear);
}
export default { render };
