// A picture with the boxes of a detector: score, overlap and classes act here, without asking the kernel.

const MOST_DRAWN = 300;
const DEEPEST_ZOOM = 40;
const TEXT_SIZE = 12;
const measure = globalThis.document?.createElement("canvas").getContext("2d");

/**
 * Return which boxes non-maximum suppression within each class keeps.
 * Boxes are left, top, width, height in the model's input; all come surest first.
 */
export function suppress(boxes, scores, classes, confidence, iou) {
  const kept = [];
  const least = Math.fround(confidence); // scores are 32-bit floats, and compared as such in Python too
  for (let i = 0; i < scores.length && scores[i] >= least; i++) {
    if (kept.every((k) => classes[k] !== classes[i] || overlap(boxes, 4 * k, 4 * i) <= iou)) kept.push(i);
  }
  return kept;
}

function overlap(boxes, a, b) {
  const width = Math.min(boxes[a] + boxes[a + 2], boxes[b] + boxes[b + 2]) - Math.max(boxes[a], boxes[b]);
  const height = Math.min(boxes[a + 1] + boxes[a + 3], boxes[b + 1] + boxes[b + 3]) - Math.max(boxes[a + 1], boxes[b + 1]);
  const areas = boxes[a + 2] * boxes[a + 3] + boxes[b + 2] * boxes[b + 3];
  if (areas <= Number.EPSILON) return 1; // as OpenCV has it
  const shared = Math.max(width, 0) * Math.max(height, 0);
  return shared / (areas - shared);
}

/** Return the part of a picture that is seen after zooming by a factor round a point, within the picture. */
export function zoomed(seen, factor, at, size) {
  const width = Math.min(size[0], Math.max(size[0] / DEEPEST_ZOOM, seen.width / factor));
  const height = (width * size[1]) / size[0];
  const x = at[0] - ((at[0] - seen.x) * width) / seen.width;
  const y = at[1] - ((at[1] - seen.y) * height) / seen.height;
  return within({ x, y, width, height }, size);
}

function within(seen, size) {
  const x = Math.min(Math.max(seen.x, 0), size[0] - seen.width);
  const y = Math.min(Math.max(seen.y, 0), size[1] - seen.height);
  return { ...seen, x, y };
}

/** Read the candidates out of the model's binary traits. */
function readCandidates(model) {
  const typed = (name, Kind) => {
    const view = model.get(name);
    return new Kind(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  };
  return {
    boxes: typed("_boxes", Float32Array),
    corners: typed("_corners", Float32Array),
    scores: typed("_scores", Float32Array),
    classes: typed("_classes", Int32Array),
  };
}

const percent = (share) => `${Math.round(share * 100)}%`;

class View {
  constructor(model, root) {
    this.model = model;
    this.id = `jupyter-edge-detection-${Math.random().toString(36).slice(2)}`;
    this.size = model.get("_size");
    this.candidates = readCandidates(model);
    this.seen = { x: 0, y: 0, width: this.size[0], height: this.size[1] };
    this.shown = [];
    this.selected = -1; // a position in shown
    this.unfollow = [];
    this.url = URL.createObjectURL(new Blob([model.get("_picture")], { type: model.get("_picture_type") }));
    root.append(this.build());
    this.drawClasses();
    this.filter();
  }

  name(classId) {
    return this.model.get("_names")[classId] ?? `class ${classId}`;
  }

  colours(classId) {
    const palette = this.model.get("_colours");
    return palette[((classId % palette.length) + palette.length) % palette.length];
  }

  build() {
    this.boxes = drawn("g", {});
    this.image = drawn("image", { href: this.url, width: this.size[0], height: this.size[1] });
    this.image.addEventListener("error", () => this.status.append(" The picture cannot be shown by this browser."));
    this.svg = drawn("svg", { class: "jupyter-edge-detection-svg", "aria-hidden": "true" }, this.image, this.boxes);
    this.svg.style.aspectRatio = `${this.size[0]} / ${this.size[1]}`;
    this.stage = element("div", { class: "jupyter-edge-detection-stage", tabindex: "0", role: "group" }, this.svg);
    this.stage.style.maxWidth = `calc(60vh * ${this.size[0] / this.size[1]})`;
    this.list = element("ul", { class: "jupyter-edge-detection-list", tabindex: "0", role: "listbox", "aria-label": "Detections, the surest first" });
    this.classes = element("div", { class: "jupyter-edge-detection-classes", role: "group", "aria-label": "Classes to show" });
    this.status = element("p", { class: "jupyter-edge-detection-status", role: "status" });
    this.listen();
    const root = element("div", { class: "jupyter-edge-widget jupyter-edge-detection", "data-lm-suppress-shortcuts": "true" });
    root.append(this.bar(), this.classes, element("div", { class: "jupyter-edge-detection-main" }, this.stage, this.list), this.status);
    return root;
  }

  bar() {
    const centre = () => [this.seen.x + this.seen.width / 2, this.seen.y + this.seen.height / 2];
    this.zoomBy = (factor, at = centre()) => this.look(zoomed(this.seen, factor, at, this.size));
    this.fit = () => this.zoomBy(0);
    const sign = (text, words, act) => button(text, words, act, words);
    this.out = sign("−", "Zoom out (key −)", () => this.zoomBy(1 / 1.5));
    this.in = sign("+", "Zoom in (key +)", () => this.zoomBy(1.5));
    this.whole = sign("Fit", "Show the whole picture (key 0)", () => this.fit());
    const zoom = element("div", { class: "jupyter-edge-detection-zoom", role: "group", "aria-label": "Zoom" }, this.out, this.in, this.whole);
    const overlap = this.slider("iou", "Overlap up to", "Of boxes of one class that overlap more than this, the surest stays", 0);
    if (this.model.get("_suppressed")) {
      overlap.querySelector("input").disabled = true;
      overlap.title = "These boxes are suppressed already";
    }
    return element("div", { class: "jupyter-edge-detection-bar" }, this.slider("confidence", "Score from", "The least score that is shown", this.model.get("_least")), overlap, zoom);
  }

  slider(trait, text, words, least) {
    const input = element("input", { type: "range", min: least, max: 1, step: 0.01 });
    const output = element("span", { class: "jupyter-edge-detection-value", "aria-hidden": "true" });
    const show = () => {
      input.value = this.model.get(trait);
      output.textContent = percent(this.model.get(trait));
      input.setAttribute("aria-valuetext", output.textContent);
      this.filter();
    };
    input.addEventListener("input", () => this.model.set(trait, Number(input.value)));
    input.addEventListener("change", () => this.model.save_changes());
    this.unfollow.push(follow(this.model, { [trait]: show }));
    input.value = this.model.get(trait);
    output.textContent = percent(this.model.get(trait));
    return element("label", { class: "jupyter-edge-detection-slider", title: words }, `${text} `, input, output);
  }

  listen() {
    this.unfollow.push(follow(this.model, { hidden: () => (this.drawClasses(), this.filter()) }));
    this.stage.addEventListener("keydown", (event) => this.stageKey(event));
    this.list.addEventListener("keydown", (event) => this.listKey(event));
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.stage.addEventListener("dblclick", (event) => this.zoomBy(2, this.pointAt(event)));
    this.stage.addEventListener("pointerdown", (event) => this.grab(event));
    this.observer = new ResizeObserver(() => {
      this.list.style.maxHeight = `${Math.max(160, this.svg.clientHeight)}px`; // as high as the picture
      this.drawBoxes();
    });
    this.observer.observe(this.stage);
  }

  pointAt(event) {
    const frame = this.svg.getBoundingClientRect();
    const share = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    return [this.seen.x + share[0] * this.seen.width, this.seen.y + share[1] * this.seen.height];
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 200), this.pointAt(event));
  }

  grab(event) {
    const hit = event.target.closest("[data-position]");
    if (hit) this.select(Number(hit.dataset.position));
    const [start, from, per] = [{ ...this.seen }, [event.clientX, event.clientY], this.unit()];
    const move = (now) => this.look(within({ ...start, x: start.x - (now.clientX - from[0]) * per, y: start.y - (now.clientY - from[1]) * per }, this.size));
    const end = () => this.stage.removeEventListener("pointermove", move);
    this.stage.setPointerCapture(event.pointerId);
    this.stage.addEventListener("pointermove", move);
    this.stage.addEventListener("pointerup", end, { once: true });
    this.stage.addEventListener("pointercancel", end, { once: true });
  }

  stageKey(event) {
    const step = this.seen.width / 10;
    const pan = (x, y) => this.look(within({ ...this.seen, x: this.seen.x + x * step, y: this.seen.y + y * step }, this.size));
    const acts = {
      "+": () => this.zoomBy(1.5),
      "=": () => this.zoomBy(1.5),
      "-": () => this.zoomBy(1 / 1.5),
      0: () => this.fit(),
      ArrowLeft: () => pan(-1, 0),
      ArrowRight: () => pan(1, 0),
      ArrowUp: () => pan(0, -1),
      ArrowDown: () => pan(0, 1),
    };
    this.act(event, acts);
  }

  listKey(event) {
    const last = this.shown.length - 1;
    const acts = {
      ArrowDown: () => this.select(Math.min(this.selected + 1, last)),
      ArrowUp: () => this.select(Math.max(this.selected - 1, 0)),
      Home: () => this.select(0),
      End: () => this.select(last),
      Enter: () => this.lookAt(this.selected),
      Escape: () => (this.select(-1), this.fit()),
    };
    this.act(event, acts);
  }

  act(event, acts) {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** Zoom so that a box fills about half of the view. */
  lookAt(position) {
    if (position < 0) return;
    const [left, top, right, bottom] = this.corners(this.shown[position]);
    const width = Math.max(2 * (right - left), (2 * (bottom - top) * this.size[0]) / this.size[1], this.size[0] / DEEPEST_ZOOM);
    const part = { width: Math.min(width, this.size[0]) };
    part.height = (part.width * this.size[1]) / this.size[0];
    this.look(within({ ...part, x: (left + right - part.width) / 2, y: (top + bottom - part.height) / 2 }, this.size));
  }

  look(seen) {
    this.seen = seen;
    this.drawBoxes();
  }

  corners(candidate) {
    return this.candidates.corners.subarray(4 * candidate, 4 * candidate + 4);
  }

  filter() {
    const { boxes, scores, classes } = this.candidates;
    const iou = this.model.get("_suppressed") ? 1 : this.model.get("iou");
    const hidden = new Set(this.model.get("hidden"));
    const chosen = this.selected < 0 ? -1 : this.shown[this.selected];
    const visible = (i) => {
      const [left, top, right, bottom] = this.corners(i);
      return right > left && bottom > top;
    };
    this.found = suppress(boxes, scores, classes, this.model.get("confidence"), iou).filter(visible);
    this.shown = this.found.filter((i) => !hidden.has(classes[i]));
    this.selected = this.shown.indexOf(chosen);
    this.drawList();
    this.drawBoxes();
    this.describe();
  }

  describe() {
    const counts = new Map();
    for (const i of this.found) counts.set(this.candidates.classes[i], (counts.get(this.candidates.classes[i]) ?? 0) + 1);
    for (const [classId, count] of this.counters) count.textContent = counts.get(classId) ?? 0;
    const words = `${this.shown.length} ${this.shown.length === 1 ? "detection" : "detections"} shown`;
    const away = this.found.length - this.shown.length;
    const more = this.shown.length > MOST_DRAWN ? `; the ${MOST_DRAWN} surest are drawn` : "";
    this.status.textContent = `${words}${away ? `, ${away} of hidden classes` : ""}${more}. ${this.model.get("_note")}`;
    this.stage.setAttribute("aria-label", `Picture, ${words}. Keys: plus and minus zoom, arrows move, 0 shows all.`);
  }

  drawClasses() {
    const hidden = new Set(this.model.get("hidden"));
    const present = [...new Set(this.candidates.classes)].sort((a, b) => this.name(a).localeCompare(this.name(b)));
    this.counters = new Map();
    const chips = present.map((classId) => {
      const box = element("input", { type: "checkbox" });
      box.checked = !hidden.has(classId);
      box.addEventListener("change", () => this.toggle(classId, box.checked));
      const count = element("span", { class: "jupyter-edge-detection-count" });
      this.counters.set(classId, count);
      return element("label", { class: "jupyter-edge-detection-chip" }, box, this.swatch(classId), this.name(classId), count);
    });
    const focused = [...this.classes.children].findIndex((chip) => chip.contains(document.activeElement));
    this.classes.replaceChildren(...chips);
    this.classes.hidden = chips.length === 0;
    if (focused >= 0) chips[focused]?.querySelector("input").focus();
  }

  toggle(classId, visible) {
    const others = this.model.get("hidden").filter((other) => other !== classId);
    this.model.set("hidden", visible ? others : [...others, classId]);
    this.model.save_changes();
  }

  swatch(classId) {
    const made = element("span", { class: "jupyter-edge-detection-swatch" });
    made.style.background = this.colours(classId)[0];
    return made;
  }

  drawList() {
    const rows = this.shown.slice(0, MOST_DRAWN).map((candidate, position) => {
      const { classes, scores } = this.candidates;
      const score = element("span", { class: "jupyter-edge-detection-score" }, percent(scores[candidate]));
      const row = element("li", { role: "option", id: `${this.id}-${position}`, "data-position": position, class: "jupyter-edge-detection-row" });
      row.append(this.swatch(classes[candidate]), this.name(classes[candidate]), score);
      row.addEventListener("click", () => this.select(position));
      row.addEventListener("dblclick", () => this.lookAt(position));
      return row;
    });
    const nothing = element("li", { class: "jupyter-edge-detection-nothing", role: "option", "aria-disabled": "true" }, "Nothing at this score.");
    this.list.replaceChildren(...(rows.length ? rows : [nothing]));
    this.mark();
  }

  select(position) {
    this.selected = position;
    this.mark();
    this.drawBoxes();
    this.list.children[position]?.scrollIntoView({ block: "nearest" });
  }

  mark() {
    for (const [position, row] of [...this.list.children].entries()) row.setAttribute("aria-selected", position === this.selected);
    if (this.selected < 0) this.list.removeAttribute("aria-activedescendant");
    else this.list.setAttribute("aria-activedescendant", `${this.id}-${this.selected}`);
  }

  /** Return how many pixels of the picture one pixel of the screen shows. */
  unit() {
    return this.seen.width / (this.svg.clientWidth || this.size[0]);
  }

  drawBoxes() {
    const { x, y, width, height } = this.seen;
    this.svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
    this.whole.disabled = this.out.disabled = width >= this.size[0];
    this.in.disabled = width <= this.size[0] / DEEPEST_ZOOM;
    this.stage.classList.toggle("jupyter-edge-detection-zoomed", width < this.size[0]);
    const order = this.shown.slice(0, MOST_DRAWN).map((_, position) => position).reverse(); // the surest on top
    if (this.selected >= 0) order.push(this.selected);
    this.boxes.replaceChildren(...order.map((position) => this.drawBox(position)));
  }

  drawBox(position) {
    const candidate = this.shown[position];
    const classId = this.candidates.classes[candidate];
    const [left, top, right, bottom] = this.corners(candidate);
    const [colour, ink] = this.colours(classId);
    const outline = { x: left, y: top, width: right - left, height: bottom - top, fill: "transparent", "vector-effect": "non-scaling-stroke" };
    const thick = position === this.selected ? 4 : 2;
    const group = drawn("g", { "data-position": position, class: "jupyter-edge-detection-box" });
    group.append(drawn("rect", { ...outline, stroke: ink, "stroke-width": thick + 2 }), drawn("rect", { ...outline, stroke: colour, "stroke-width": thick }));
    group.append(...this.label(`${this.name(classId)} ${percent(this.candidates.scores[candidate])}`, left, top, colour, ink));
    return group;
  }

  /** Return a label of one size on the screen, above its box or else within, and never beyond the view. */
  label(text, left, top, colour, ink) {
    const unit = this.unit();
    measure.font = `${TEXT_SIZE}px sans-serif`;
    const [width, height] = [(measure.measureText(text).width + 8) * unit, (TEXT_SIZE + 6) * unit];
    const x = Math.max(this.seen.x, Math.min(left, this.seen.x + this.seen.width - width));
    const y = top - height >= this.seen.y ? top - height : Math.max(top, this.seen.y);
    const words = drawn("text", { x: x + 4 * unit, y: y + (TEXT_SIZE + 1) * unit, fill: ink, "font-size": TEXT_SIZE * unit, class: "jupyter-edge-detection-text" }, text);
    return [drawn("rect", { x, y, width, height, fill: colour }), words];
  }

  remove() {
    this.observer.disconnect();
    for (const stop of this.unfollow) stop();
    URL.revokeObjectURL(this.url);
  }
}

function render({ model, el }) {
  const view = new View(model, el);
  return () => view.remove();
}

export default { render };
