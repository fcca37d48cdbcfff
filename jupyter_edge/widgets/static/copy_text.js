// Text to be pasted elsewhere. A secret comes in a message and is kept here only: what a model's traits say is saved.

function select(shown) {
  const range = document.createRange();
  range.selectNodeContents(shown);
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
  const shown = element("pre", { tabindex: "0", role: "region" });
  const said = element("span", { role: "status" });
  const press = button("Copy", "Put it into the clipboard", async () => {
    said.textContent = await copy(shown.textContent, shown);
  });
  let secret = "";
  const show = () => {
    shown.textContent = secret || model.get("text");
    shown.setAttribute("aria-label", model.get("label"));
    press.setAttribute("aria-label", `Copy: ${model.get("label")}`);
    said.textContent = "";
  };
  const receive = (message) => {
    secret = message.secret ?? secret;
    show();
  };
  const unfollow = follow(model, { text: show, label: show });
  model.on("msg:custom", receive);
  show();
  el.append(shown, element("div", {}, press, said));
  model.send({ kind: "shown" }); // a secret may wait for a view
  return () => {
    unfollow();
    model.off("msg:custom", receive);
  };
}

export default { render };
