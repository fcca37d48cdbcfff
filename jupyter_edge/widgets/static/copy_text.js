// Text to be pasted elsewhere. A secret comes in a message and is kept here only: what a model's traits say is saved.

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    select(shown); // the page may not write to the clipboard: the user can
    return document.execCommand?.("copy") ? "Copied" : "Selected: press Ctrl+C";
  }
}

function render({ model, el }) {
  el.classList.add("jupyter-edge-widget", "jupyter-edge-copy");
  const shown = document.createElement("pre");
  shown.tabIndex = 0;
  shown.setAttribute("role", "region");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-edge-button";
  button.textContent = "Copy";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    said.textContent = await copy(shown.textContent, shown);
  });
  let secret = "";
  const show = () => {
    shown.textContent = secret || model.get("text");
    shown.setAttribute("aria-label", model.get("label"));
    button.setAttribute("aria-label", `Copy: ${model.get("label")}`);
    said.textContent = "";
  };
  const receive = (message) => {
    secret = message.secret ?? secret;
    show();
  };
  model.on("change:text", show);
  model.on("change:label", show);
  model.on("msg:custom", receive);
  show();
  const bar = document.createElement("div");
  bar.append(button, said);
  el.append(shown, bar);
  model.send({ kind: "shown" }); // a secret may wait for a view
  return () => {
    model.off("change:text", show);
    model.off("change:label", show);
    model.off("msg:custom", receive);
  };
}

export default { render };
