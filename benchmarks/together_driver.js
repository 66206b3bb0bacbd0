// Does something at random every so often in a page of the editor, as its menus and keys would.
([seed, every]) => {
  const { actions, model } = window.fluxEditor;
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = (list) => list[Math.floor(random() * list.length)];
  const nodes = () => [...model.nodes.values()].filter((node) => node.id !== "start" && node.id !== "end");
  const word = () => `w${seed}x${Math.floor(random() * 1e9)}`;
  const spot = () => ({ x: Math.round(random() * 200) * 10, y: Math.round(random() * 120) * 10 });
  const of = (type) => pick(nodes().filter((node) => node.type === type)) ?? pick(nodes());
  const does = {
    add: () =>
      model.nodes.size < 60 &&
      actions.addNode(pick(["template", "if", "template", "http"]), { at: spot() }),
    after: () => { const node = of("template"); if (node && model.nodes.size < 60) actions.addNode("template", { after: { node: node.id, port: "out" } }); },
    title: () => { const node = pick(nodes()); if (node) actions.setTitle(node.id, word()); },
    text: () => {
      const node = of("template");
      if (node) actions.commit("Change “Template”", [{ op: "set", node: node.id, path: ["config", "template"], value: word() }], `${node.id} text`);
    },
    move: () => {
      const node = pick(nodes());
      if (node) actions.commit("Move a node", [{ op: "place", node: node.id, place: { ...model.places.get(node.id), ...spot() } }]);
    },
    wire: () => {
      const [from, to] = [of("template"), pick(nodes())];
      if (from && to && actions.canConnect({ node: from.id, port: "out" }, to.id) === true) actions.connect({ node: from.id, port: "out" }, to.id);
    },
    cut: () => { const edge = pick([...model.edges.keys()]); if (edge) actions.remove({ nodes: [], edges: [edge] }); },
    remove: () => { const node = pick(nodes()); if (node && model.nodes.size > 15) actions.remove({ nodes: [node.id], edges: [] }); },
    rename: () => { const node = pick(nodes()); if (node) actions.renameId(node.id, word()); },
    copy: () => { const node = pick(nodes()); if (node && model.nodes.size < 60) actions.duplicate([node.id]); },
    off: () => { const node = pick(nodes()); if (node) actions.toggleDisabled([node.id]); },
    name: () => actions.setName(word()),
    undo: () => actions.undo(),
    redo: () => actions.redo(),
  };
  const often = { add: 5, after: 3, title: 6, text: 8, move: 8, wire: 6, cut: 3, remove: 5, rename: 1, copy: 2, off: 2, name: 1, undo: 4, redo: 2 };
  const bag = Object.entries(often).flatMap(([what, times]) => Array(times).fill(what));
  const driver = { did: 0, paused: false, failed: [] };
  window.fluxDriver = driver;
  driver.timer = setInterval(() => {
    if (driver.paused) return;
    const what = pick(bag);
    try { does[what](); driver.did += 1; } catch (error) { driver.failed.push(`${what}: ${error.stack}`); }
  }, every);
}
