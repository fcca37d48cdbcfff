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
  el.classList.add("jupyter-edge-copy");
  const shown = document.createElement("pre");
  shown.tabIndex = 0;
  const button = document.createElement("button");
  button.type = "button";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    said.textContent = await copy(model.get("text"), shown);
  });
  const show = () => {
    shown.textContent = model.get("text");
    shown.setAttribute("aria-label", model.get("label"));
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${model.get("label")}`);
    said.textContent = "";
  };
  model.on("change:text", show);
  model.on("change:label", show);
  show();
  const bar = document.createElement("div");
  bar.append(button, said);
  el.append(shown, bar);
  return () => {
    model.off("change:text", show);
    model.off("change:label", show);
  };
}

export default { render };
