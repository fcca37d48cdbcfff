const PIECE = 1 << 20; // a kernel's websocket refuses messages of 10 MiB

/** Send a file piece by piece; the kernel asks for each, so that a busy one is never flooded. */
function createSender(model) {
  let sending = null;
  const sendNext = async (from) => {
    const { file, id } = sending;
    const buffer = await file.slice(from, from + PIECE).arrayBuffer();
    if (sending?.id === id) model.send({ kind: "piece", id, from }, undefined, [buffer]);
  };
  const onMessage = (message) => {
    if (message.kind === "next" && message.id === sending?.id) sendNext(message.from);
    if (message.kind === "end" && message.id === sending?.id) sending = null;
  };
  model.on("msg:custom", onMessage);
  return {
    start(file) {
      sending = { file, id: crypto.getRandomValues(new Uint32Array(1))[0] };
      model.send({ kind: "begin", id: sending.id, name: file.name, size: file.size });
    },
    stop() {
      model.off("msg:custom", onMessage);
      sending = null;
    },
  };
}

function render({ model, el }) {
  el.classList.add("jupyter-edge-widget", "jupyter-edge-drop");
  const sender = createSender(model);
  const input = element("input", { type: "file", hidden: "" });
  const choose = button("Choose a file", "Choose a file of this computer", () => input.click());
  const words = element("span", { role: "status" });
  el.append(choose, words, input);

  const take = (files) => {
    if (files.length && !model.get("disabled")) sender.start(files[0]);
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
  el.addEventListener("dragover", (event) => {
    event.preventDefault();
    el.classList.add("jupyter-edge-over");
  });
  el.addEventListener("dragleave", () => el.classList.remove("jupyter-edge-over"));
  el.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    el.classList.remove("jupyter-edge-over");
    take(event.dataTransfer.files);
  });
  const show = () => {
    input.accept = model.get("accept");
    choose.disabled = model.get("disabled");
    words.textContent = model.get("words");
  };
  model.on("change", show);
  show();
  return () => {
    sender.stop();
    model.off("change", show);
  };
}

export default { render };
