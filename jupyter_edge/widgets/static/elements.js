// What the front ends of widgets are made of; it stands before the script of each that uses it.

const SVG = "http://www.w3.org/2000/svg";

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Return a button; `label` is what a screen reader says where its text is only a sign. */
function button(text, words, act, label = text) {
  const made = element("button", { type: "button", class: "jupyter-edge-button", title: words, "aria-label": label }, text);
  made.addEventListener("click", act);
  return made;
}

/** Follow a model's traits until the function that is returned is called. */
function follow(model, acts) {
  for (const [trait, act] of Object.entries(acts)) model.on(`change:${trait}`, act);
  return () => {
    for (const [trait, act] of Object.entries(acts)) model.off(`change:${trait}`, act);
  };
}

