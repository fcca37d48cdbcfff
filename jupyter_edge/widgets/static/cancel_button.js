// A kernel that runs a cell hears of no button before the cell has ended, and does not reliably say that it runs one. So
// the kernel is told, and what can be done without it is done, too; to cancel a job twice does no harm.

const PATIENCE = 2000;

/** Cancel a job by way of the Jupyter server; return whether that knows the engine whose job it is. */
async function cancelByServer({ baseUrl, token }, job) {
  if (!job.id) return false;
  const secret = document.cookie.match(/\b_xsrf=([^;]*)/)?.[1];
  const headers = { "Content-Type": "application/json", ...(secret && { "X-XSRFToken": secret }), ...(token && { Authorization: `token ${token}` }) };
  const ask = async (verb) => {
    const answer = await fetch(`${baseUrl}jupyter-edge/api/v1/api/jobs/${verb}`, { method: "POST", headers, body: JSON.stringify({ id: job.id }) });
    return answer.ok ? answer.json() : {};
  };
  const isSame = Date.parse((await ask("get")).created_at) === Date.parse(job.created_at);
  return isSame && "state" in (await ask("cancel"));
}

/** Cancel the work of a model; return whether that is done, or has to wait for the kernel. */
async function cancel(model) {
  model.send({ kind: "cancel" });
  const kernel = model.widget_manager?.kernel; // which JupyterLab, Notebook and Voila show
  if (!kernel) return false;
  if (await cancelByServer(kernel.serverSettings, model.get("job")).catch(() => false)) return true;
  if (model.get("waits")) await kernel.interrupt();
  return model.get("waits");
}

function render({ model, el }) {
  el.classList.add("jupyter-edge-widget", "jupyter-edge-cancel");
  const said = element("span", { role: "status" });
  const late = () => {
    said.textContent = "The kernel runs a cell: this is cancelled once that has ended, or is interrupted.";
  };
  let timer = 0;
  const press = button("Cancel", "End this work before it is done", async () => {
    clearTimeout(timer);
    timer = setTimeout(late, PATIENCE);
    if (await cancel(model)) clearTimeout(timer);
  });
  el.append(press, said);
  const show = () => {
    clearTimeout(timer);
    press.disabled = model.get("disabled");
    said.textContent = "";
  };
  show();
  const unfollow = follow(model, { disabled: show, job: show });
  return () => (clearTimeout(timer), unfollow());
}

export default { render };
