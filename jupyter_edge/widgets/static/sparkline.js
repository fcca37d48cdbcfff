// A line of numbers as small as a word.

const [WIDTH, HEIGHT, EDGE] = [160, 28, 4];

/** Return where each number lies, with null where there is none. */
export function points(values) {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const step = values.length > 1 ? (WIDTH - 2 * EDGE) / (values.length - 1) : 0;
  const share = (value) => (high > low ? (value - low) / (high - low) : 0.5);
  return values.map((value, i) => (value === null ? null : [EDGE + i * step, HEIGHT - EDGE - share(value) * (HEIGHT - 2 * EDGE)]));
}

/** Return the parts of a line between its gaps. */
export function pieces(places) {
  const found = [[]];
  for (const place of places) {
    if (place) found.at(-1).push(place);
    else found.push([]);
  }
  return found.filter((piece) => piece.length);
}

function render({ model, el }) {
  const [name, value] = [element("span"), element("span", { class: "jupyter-edge-sparkline-value" })];
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img" });
  el.append(element("span", { class: "jupyter-edge-widget jupyter-edge-sparkline" }, name, svg, value));

  const draw = () => {
    const values = model.get("values");
    const known = values.filter((number) => number !== null);
    const written = (number) => `${Number(number.toPrecision(4))} ${model.get("unit")}`.trim();
    const places = points(values);
    name.textContent = model.get("label");
    value.textContent = known.length ? written(known.at(-1)) : "no values";
    const range = known.length ? `from ${written(Math.min(...known))} to ${written(Math.max(...known))}, now ${written(known.at(-1))}` : "no values";
    svg.setAttribute("aria-label", `${model.get("label") || "Values"}: ${range}`);
    svg.replaceChildren(...pieces(places).map((piece) => drawn("polyline", { points: [...piece, piece.at(-1)].join(" "), class: "jupyter-edge-sparkline-line" })));
    const last = places.findLast((place) => place);
    if (last) svg.append(drawn("circle", { cx: last[0], cy: last[1], r: 2.5, class: "jupyter-edge-sparkline-dot" }));
  };
  draw();
  return follow(model, { values: draw, label: draw, unit: draw });
}

export default { render };
